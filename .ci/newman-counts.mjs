// Tells what newman's reports say, and holds their counts against the numbers that are kept:
// a collection that was cut short, or lost a request, has no failed assertion.
import { existsSync, readFileSync } from "node:fs";

const [reports, kept] = process.argv.slice(2);
const expected = JSON.parse(readFileSync(kept, "utf8"));
const total = { requests: 0, assertions: 0 };
let sound = true;

for (const [name, wanted] of Object.entries(expected)) {
    const path = `${reports}/${name}.json`;
    if (!existsSync(path)) {
        console.log(`${name}: did not run`);
        sound = false;
        continue;
    }
    const { stats, failures } = JSON.parse(readFileSync(path, "utf8")).run;
    const counts = { requests: stats.requests.total, assertions: stats.assertions.total };
    total.requests += counts.requests;
    total.assertions += counts.assertions;
    console.log(`${name}: ${counts.requests} requests, ${counts.assertions} assertions, ${failures.length} failed`);
    for (const { source, error } of failures) {
        console.log(`  ${source?.name ?? "collection"}: ${error.test ?? error.name}: ${error.message}`);
        sound = false;
    }
    for (const what of ["requests", "assertions"]) {
        if (counts[what] !== wanted[what]) {
            console.log(`  ${wanted[what]} ${what} were expected (${kept})`);
            sound = false;
        }
    }
}

console.log(`all: ${total.requests} requests, ${total.assertions} assertions`);
process.exit(sound ? 0 : 1);
