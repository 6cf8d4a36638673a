//! Signs a call to SSM with AWS Signature Version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>). `aws-sigv4` computes the
//! key and the signature. The canonical request is written here, because every call has the same shape: the
//! crate's own, which takes any request, would make each function larger.

use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use chrono::{DateTime, Utc};

use super::config::SsmConfig;
use crate::digest::sha256_hex;

/// Signing name of SSM.
const SERVICE: &str = "ssm";

/// The headers of a `POST /` with this body, the signature included.
pub(super) fn signed_headers(
    config: &SsmConfig,
    body: &str,
    now: DateTime<Utc>,
) -> Vec<(&'static str, String)> {
    let date_time = now.format("%Y%m%dT%H%M%SZ").to_string();
    // The canonical request has the headers in the order of their names.
    let mut headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("host", config.endpoint.authority.clone()),
        ("x-amz-date", date_time.clone()),
    ];
    if let Some(token) = &config.session_token {
        headers.push(("x-amz-security-token", token.expose().to_owned()));
    }
    headers.push(("x-amz-target", "AmazonSSM.GetParameters".to_owned()));
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines = headers.iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join("\n");
    let canonical = format!("POST\n/\n\n{lines}\n\n{names}\n{}", sha256_hex(body));
    let scope = format!("{}/{}/{SERVICE}/aws4_request", now.format("%Y%m%d"), config.region);
    let to_sign = format!("AWS4-HMAC-SHA256\n{date_time}\n{scope}\n{}", sha256_hex(canonical));
    let secret = config.secret_access_key.expose();
    let key = generate_signing_key(secret, SystemTime::from(now), &config.region, SERVICE);
    let signature = calculate_signature(key, to_sign.as_bytes());
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        config.access_key_id
    );
    headers.push(("authorization", authorization));
    headers
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningParams, SigningSettings, sign};
    use aws_sigv4::sign::v4;

    use super::*;
    use crate::adapters::ssm::config::Endpoint;
    use crate::domain::clinic::Secret;

    const BODY: &str = r#"{"Names":["/dev/RDS_PASSWORD"],"WithDecryption":true}"#;

    fn config(session_token: Option<&str>) -> SsmConfig {
        SsmConfig {
            path: "/dev".to_owned(),
            names: vec!["RDS_PASSWORD"],
            endpoint: Endpoint {
                tls: true,
                host: "ssm.sa-east-1.amazonaws.com".to_owned(),
                port: 443,
                authority: "ssm.sa-east-1.amazonaws.com".to_owned(),
            },
            region: "sa-east-1".to_owned(),
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: session_token.map(Secret::new),
        }
    }

    /// The header `authorization` that the crate makes for the same request.
    fn authorization_by_the_crate(config: &SsmConfig, now: DateTime<Utc>) -> String {
        let token = config.session_token.as_ref().map(|token| token.expose().to_owned());
        let secret = config.secret_access_key.expose();
        let identity = Credentials::new(&config.access_key_id, secret, token, None, "test").into();
        let params: SigningParams<'_> = v4::SigningParams::builder()
            .identity(&identity)
            .region(&config.region)
            .name(SERVICE)
            .time(SystemTime::from(now))
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "AmazonSSM.GetParameters")];
        let url = format!("https://{}/", config.endpoint.authority);
        let body = SignableBody::Bytes(BODY.as_bytes());
        let request = SignableRequest::new("POST", url, headers.into_iter(), body).unwrap();
        let signed = sign(request, &params).unwrap();
        let authorization = signed.output().headers().find(|(name, _)| *name == "authorization");
        authorization.unwrap().1.to_owned()
    }

    #[test]
    fn the_signature_is_the_one_that_the_crate_makes_of_the_whole_request() {
        let now = "2026-02-16T12:00:00Z".parse().unwrap();
        for session_token in [None, Some("a/session+token==")] {
            let config = config(session_token);
            let headers = signed_headers(&config, BODY, now);
            let authorization = &headers.last().unwrap().1;
            assert_eq!(*authorization, authorization_by_the_crate(&config, now));
        }
    }
}
