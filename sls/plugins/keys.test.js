// Run by `node --test sls/plugins/keys.test.js`.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const Keys = require("./keys.js");

const LONG = "a".repeat(24);
const SHORT = "b".repeat(23);

// Runs the check as Serverless does before a deployment, with these parameters in SSM.
async function check(parameters) {
    const asked = [];
    const plugin = new Keys({
        service: { custom: { stage: "prod" } },
        classes: { Error },
        getProvider: () => ({
            request: async (service, method, { Names, WithDecryption }) => {
                asked.push(`${service} ${method} ${WithDecryption}`);
                const known = Names.filter((name) => name in parameters);
                return { Parameters: known.map((Name) => ({ Name, Value: parameters[Name] })) };
            },
        }),
    });
    try {
        await plugin.hooks["before:deploy:deploy"]();
        return "";
    } catch (error) {
        assert.deepEqual(asked, ["SSM getParameters true"]);
        return error.message;
    }
}

const parameters = (keys, token) => ({ "/prod/SCHEDULER_API_KEY": keys, "/prod/WEBHOOK_TOKEN": token });

test("long keys are accepted, one or several, of every clinic or of one", async () => {
    for (const keys of [LONG, `${LONG}, sp-1:${LONG}`, `${LONG},`]) {
        assert.equal(await check(parameters(keys, LONG)), "", keys);
    }
    assert.equal(await check(parameters(LONG, `${LONG},${LONG}`)), "");
});

test("a short one among several is refused, and the clinic's id does not lengthen its key", async () => {
    for (const keys of [SHORT, `${LONG},${SHORT}`, `laser-beauty-sp-1a2b3c:${SHORT}`, "é".repeat(23)]) {
        assert.match(await check(parameters(keys, LONG)), /SCHEDULER_API_KEY has 1 of fewer than 24/, keys);
    }
    assert.match(await check(parameters(LONG, SHORT)), /WEBHOOK_TOKEN has 1 of fewer than 24/);
});

test("a missing one is refused, all faults are named together, and no value is printed", async () => {
    const refusal = await check({ "/prod/SCHEDULER_API_KEY": SHORT });
    assert.match(refusal, /\/prod\/SCHEDULER_API_KEY has 1 .*\/prod\/WEBHOOK_TOKEN has no key/);
    assert.doesNotMatch(refusal, /bbb/);
    assert.match(await check(parameters(" , ", LONG)), /SCHEDULER_API_KEY has no key/);
});
