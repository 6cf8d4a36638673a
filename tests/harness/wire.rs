//! Finds the calls in the bytes that a client sends, so that a proxy can count them.

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// PostgreSQL's protocol, version 3, without TLS.
    Postgres,
    /// DynamoDB over HTTP; the header `x-amz-target` names the operation.
    DynamoDb,
    /// HTTP.
    Http,
}

/// Finds the calls of one connection.
pub struct CallParser {
    protocol: Protocol,
    /// Bytes of an incomplete message.
    buffer: Vec<u8>,
    started: bool,
}

impl CallParser {
    /// For a new connection.
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, buffer: Vec::new(), started: false }
    }

    /// The calls that these bytes start or, for PostgreSQL, complete.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<String> {
        match self.protocol {
            Protocol::Postgres => self.statements(bytes),
            Protocol::DynamoDb => operations(bytes),
            Protocol::Http => requests(bytes),
        }
    }

    /// The `Execute` and `Query` messages, one per executed statement.
    fn statements(&mut self, bytes: &[u8]) -> Vec<String> {
        self.buffer.extend_from_slice(bytes);
        let mut ran = Vec::new();
        loop {
            // Every message but the first ones starts with a byte for its type.
            let type_byte = usize::from(self.started);
            let Some(length) = self.buffer.get(type_byte..type_byte + 4) else { return ran };
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            if self.buffer.len() < type_byte + length {
                return ran;
            }
            let message: Vec<u8> = self.buffer.drain(..type_byte + length).collect();
            if !self.started {
                // A TLS request is eight bytes long, and the start-up packet follows it.
                self.started = message.len() > 8;
                continue;
            }
            match message[0] {
                b'E' => ran.push("execute".to_owned()),
                b'Q' => ran.push(String::from_utf8_lossy(&message[5..message.len() - 1]).into_owned()),
                _ => {}
            }
        }
    }
}

fn operations(bytes: &[u8]) -> Vec<String> {
    const PREFIX: &str = "DynamoDB_20120810.";
    let text = String::from_utf8_lossy(bytes);
    let name = |rest: &str| rest.chars().take_while(char::is_ascii_alphabetic).collect();
    text.split(PREFIX).skip(1).map(name).collect()
}

fn requests(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().next().unwrap_or_default();
    let is_request = line.ends_with("HTTP/1.1");
    if is_request { vec![line.to_owned()] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_counted_once_however_its_bytes_are_split() {
        let mut bytes = vec![0, 0, 0, 8, 4, 210, 22, 47];
        bytes.extend([0, 0, 0, 9, 0, 3, 0, 0, 0]);
        bytes.extend(*b"Q\0\0\0\x0dselect 1\0");
        bytes.extend(*b"E\0\0\0\x09\0\0\0\0\0");
        let mut whole = CallParser::new(Protocol::Postgres);
        assert_eq!(whole.read(&bytes), ["select 1", "execute"]);
        let mut split = CallParser::new(Protocol::Postgres);
        let counted: Vec<_> = bytes.iter().flat_map(|byte| split.read(&[*byte])).collect();
        assert_eq!(counted, ["select 1", "execute"]);
    }

    #[test]
    fn an_operation_is_recognised_by_its_header() {
        let mut parser = CallParser::new(Protocol::DynamoDb);
        let bytes = b"POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.UpdateItem\r\n\r\n{}";
        assert_eq!(parser.read(bytes), ["UpdateItem"]);
    }
}
