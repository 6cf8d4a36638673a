//! Reads what a client says on a wire, as far as counting needs it.

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// PostgreSQL's protocol, version 3, without TLS.
    Postgres,
    /// DynamoDB over HTTP: operations are known by their header.
    DynamoDb,
    /// HTTP.
    Http,
}

/// Reads one connection's questions.
pub struct Reader {
    speaks: Speaks,
    left: Vec<u8>,
    started: bool,
}

impl Reader {
    /// Of a new connection.
    pub fn new(speaks: Speaks) -> Self {
        Self { speaks, left: Vec::new(), started: false }
    }

    /// The calls whose beginning is in these bytes.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<String> {
        match self.speaks {
            Speaks::Postgres => self.statements(bytes),
            Speaks::DynamoDb => operations(bytes),
            Speaks::Http => requests(bytes),
        }
    }

    /// One per executed statement: `Execute` and `Query` messages.
    fn statements(&mut self, bytes: &[u8]) -> Vec<String> {
        self.left.extend_from_slice(bytes);
        let mut ran = Vec::new();
        loop {
            let typed = usize::from(self.started);
            let Some(length) = self.left.get(typed..typed + 4) else { return ran };
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            if self.left.len() < typed + length {
                return ran;
            }
            let message: Vec<u8> = self.left.drain(..typed + length).collect();
            if !self.started {
                // A request for TLS is eight bytes long; the start-up packet follows it.
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
    const MARK: &str = "DynamoDB_20120810.";
    let text = String::from_utf8_lossy(bytes);
    let named = |rest: &str| rest.chars().take_while(char::is_ascii_alphabetic).collect();
    text.split(MARK).skip(1).map(named).collect()
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
    fn a_statement_is_counted_once_however_it_is_cut() {
        let mut bytes = vec![0, 0, 0, 8, 4, 210, 22, 47];
        bytes.extend([0, 0, 0, 9, 0, 3, 0, 0, 0]);
        bytes.extend(*b"Q\0\0\0\x0dselect 1\0");
        bytes.extend(*b"E\0\0\0\x09\0\0\0\0\0");
        let mut whole = Reader::new(Speaks::Postgres);
        assert_eq!(whole.read(&bytes), ["select 1", "execute"]);
        let mut cut = Reader::new(Speaks::Postgres);
        let counted: Vec<_> = bytes.iter().flat_map(|byte| cut.read(&[*byte])).collect();
        assert_eq!(counted, ["select 1", "execute"]);
    }

    #[test]
    fn an_operation_is_known_by_its_header() {
        let mut reader = Reader::new(Speaks::DynamoDb);
        let bytes = b"POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.UpdateItem\r\n\r\n{}";
        assert_eq!(reader.read(bytes), ["UpdateItem"]);
    }
}
