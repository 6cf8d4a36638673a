// The web ACL of the API, in stages whose parameter `webAcl` is `on`. It limits how many requests a minute one address
// and one key may send to the admin routes. Webhooks are left out: the events of all clinics come from few addresses of
// z-api, and a refused event may be lost.
"use strict";

// Requests are counted over this many seconds, and blocked until the rate is below the limit again.
const WINDOW = 60;
// The least that AWS WAF accepts.
const LEAST = 10;

const text = (...types) => ({ TextTransformations: types.map((Type, Priority) => ({ Priority, Type })) });

// What the requests of a rule have in common. A request without that header or parameter is not counted by its rule.
// `address` counts IPv6 as well, should the API get such addresses. A key in a body is counted by its address alone.
const RULES = {
    address: { AggregateKeyType: "IP" },
    "x-api-key": key({ Header: { Name: "x-api-key", ...text("NONE") } }),
    // The scheme may be written in any case, and with several spaces behind it.
    authorization: key({ Header: { Name: "authorization", ...text("COMPRESS_WHITE_SPACE", "LOWERCASE") } }),
    api_key: key({ QueryArgument: { Name: "api_key", ...text("NONE") } }),
};

function key(aggregate) {
    return { AggregateKeyType: "CUSTOM_KEYS", CustomKeys: [aggregate] };
}

// Sampled requests would show the tokens and keys of their URLs; for the same reason the ACL has no log of its own.
const visibility = (MetricName) => ({ MetricName, CloudWatchMetricsEnabled: true, SampledRequestsEnabled: false });

// The stage, or a domain's base path, may precede the path. No admin route ends like a webhook.
const notWebhooks = (functions) => {
    const paths = Object.values(functions).flatMap(({ events }) => events.flatMap(({ http }) => http?.path ?? []));
    const webhooks = paths.filter((path) => path.startsWith("webhook/"));
    const statement = {
        FieldToMatch: { UriPath: {} },
        RegexString: `/(${webhooks.join("|")})/?$`,
        ...text("NONE"),
    };
    return { NotStatement: { Statement: { RegexMatchStatement: statement } } };
};

const rule = (name, Priority, Limit, scope) => ({
    Name: name,
    Priority,
    // GatewayResponseBlocked is the answer.
    Action: { Block: {} },
    Statement: {
        RateBasedStatement: { Limit, EvaluationWindowSec: WINDOW, ...RULES[name], ScopeDownStatement: scope },
    },
    VisibilityConfig: visibility(name),
});

const isOn = async (resolve) => {
    const given = await resolve("param:webAcl");
    if (given !== "on" && given !== "off") throw new Error(`The parameter webAcl is "on" or "off", not "${given}"`);
    return given === "on";
};

const limit = async (resolve, name) => {
    const given = await resolve(`param:${name}`);
    if (!/^\d+$/.test(given) || Number(given) < LEAST) {
        throw new Error(`The parameter ${name} is a number of requests a minute, ${LEAST} or more, not "${given}"`);
    }
    return Number(given);
};

module.exports = async ({ resolveVariable: resolve }) => {
    if (!(await isOn(resolve))) return { Resources: {} };
    const [prefix, listed, ofAddress, ofKey] = await Promise.all([
        resolve("self:custom.resourcePrefix"),
        resolve("self:functions"),
        limit(resolve, "addressLimit"),
        limit(resolve, "keyLimit"),
    ]);
    const scope = notWebhooks(Object.assign({}, ...[listed].flat()));
    const rules = Object.keys(RULES).map((name, place) =>
        rule(name, place, name === "address" ? ofAddress : ofKey, scope),
    );
    return {
        Resources: {
            WebAcl: {
                Type: "AWS::WAFv2::WebACL",
                Properties: {
                    Name: prefix,
                    Scope: "REGIONAL",
                    DefaultAction: { Allow: {} },
                    Rules: rules,
                    VisibilityConfig: visibility(prefix),
                },
            },
            WebAclAssociation: {
                Type: "AWS::WAFv2::WebACLAssociation",
                Properties: {
                    WebACLArn: { "Fn::GetAtt": ["WebAcl", "Arn"] },
                    ResourceArn: {
                        "Fn::Sub":
                            "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${ApiGatewayRestApi}/stages/${ApiGatewayStage}",
                    },
                },
            },
        },
    };
};

module.exports.RULES = Object.keys(RULES);
module.exports.isOn = isOn;
