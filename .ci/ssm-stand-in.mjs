// Answers GetParameter as SSM does, on a free port that it prints: every required parameter holds its
// own name, and none that may be left out is there.
import { createServer } from "node:http";

const OPTIONAL = /\/(RDS_ROOT_CERT|RDS_SSL_MODE|ALLOWED_PHONES|ZAPI_.*|GOOGLE_.*)$/;

const answer = (name) =>
    OPTIONAL.test(name)
        ? [400, { __type: "ParameterNotFound" }]
        : [200, { Parameter: { Name: name, Type: "SecureString", Value: name.split("/").at(-1) } }];

const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join("");
    const [status, said] = answer(JSON.parse(body).Name);
    response.writeHead(status, { "Content-Type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify(said));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
