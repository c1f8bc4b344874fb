// Verify bundles with sigstore-js.
//
//     sigstore_verify.mjs BUNDLE...
//
// Beside each bundle stand `artifact`, `trusted_root.json` and `identity.json`, as `rootwright prove`
// writes them.
//
// One line of JSON for each bundle: {"accepted": true}, or {"accepted": false, "why": ...} in the
// client's words. Exit code: 0 all were judged, 2 the client came to no judgement (usage, unreadable
// file).

import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

// The packages are installed beside the build, not beside this file.
const require = createRequire(new URL('../../target/clients/', import.meta.url));
const { bundleFromJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { toSignedEntity, toTrustMaterial, Verifier } = require('@sigstore/verify');

// The client takes identities as regular expressions.
const literal = (text) => `^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;

function judge(bundle) {
  const beside = (name) => fs.readFileSync(path.join(path.dirname(bundle), name));
  const [artifact, root, signed] = [beside('artifact'), beside('trusted_root.json'), fs.readFileSync(bundle)];
  const { identity, issuer } = JSON.parse(beside('identity.json'));
  try {
    const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(root)));
    const entity = toSignedEntity(bundleFromJSON(JSON.parse(signed)), artifact);
    const policy = { subjectAlternativeName: literal(identity), extensions: { issuer } };
    new Verifier(material).verify(entity, policy);
  } catch (error) {
    return { accepted: false, why: `${error.constructor.name}: ${error.message}`.replaceAll('\n', ' ') };
  }
  return { accepted: true };
}

const bundles = process.argv.slice(2);
if (bundles.length === 0) {
  console.error('usage: sigstore_verify.mjs BUNDLE...');
  process.exit(2);
}
try {
  for (const bundle of bundles) console.log(JSON.stringify(judge(bundle)));
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
