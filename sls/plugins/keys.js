// Refuses a deployment whose API keys or webhook token, parameters in SSM, are missing or short enough to be guessed
// (docs/rules/security.md#keys-and-tokens). Nothing has been deployed by then, and no value is printed.
"use strict";

// The same number as in crates/scheduler-core/src/config/key_strength.rs; a test compares them.
const MIN_KEY_CHARS = 24;

const entries = (value) => value.split(",").map((entry) => entry.trim()).filter(Boolean);

// How to find the secrets in each parameter. An API key may have its clinic in front: `<clinicId>:<key>`.
const SECRETS = {
    SCHEDULER_API_KEY: (value) => entries(value).map((entry) => entry.slice(entry.indexOf(":") + 1)),
    WEBHOOK_TOKEN: entries,
};

class Keys {
    constructor(serverless) {
        this.serverless = serverless;
        this.hooks = { "before:deploy:deploy": () => this.check() };
    }

    async check() {
        const { stage } = this.serverless.service.custom;
        const paths = Object.keys(SECRETS).map((name) => `/${stage}/${name}`);
        const request = { Names: paths, WithDecryption: true };
        const { Parameters } = await this.serverless.getProvider("aws").request("SSM", "getParameters", request);
        const values = new Map(Parameters.map(({ Name, Value }) => [Name, Value]));
        const faults = Object.entries(SECRETS).flatMap(([name, secretsIn]) => {
            const path = `/${stage}/${name}`;
            const secrets = secretsIn(values.get(path) ?? "");
            if (secrets.length === 0) return [`${path} has no key`];
            const short = secrets.filter((secret) => [...secret].length < MIN_KEY_CHARS).length;
            return short === 0 ? [] : [`${path} has ${short} of fewer than ${MIN_KEY_CHARS} characters`];
        });
        if (faults.length > 0) {
            const advice = "Put a long one into SSM: openssl rand -hex 24";
            throw new this.serverless.classes.Error(`The stage cannot be deployed with its keys: ${faults.join("; ")}. ${advice}`);
        }
    }
}

module.exports = Keys;
