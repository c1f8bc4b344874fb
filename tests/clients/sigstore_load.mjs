// Load a trusted root and a signing config with sigstore-js, and use them.
//
//     sigstore_load.mjs [--trusted-root FILE] [--signing-config FILE]
//
// sigstore-js looks at a certificate only when a bundle needs it, so loading alone says little:
// this also checks each authority's chain by the calls that verifying a bundle makes, and builds
// the signer that a signing config describes.
//
// Exit code: 0 accepted, 1 refused (one line says why, in the client's words),
// 2 the client came to no judgement (usage, unreadable file).

import fs from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

// The packages are installed beside the build, not beside this file.
const require = createRequire(new URL('../../target/clients/', import.meta.url));
const { SigningConfig, TrustedRoot } = require('@sigstore/protobuf-specs');
const { bundleBuilderFromSigningConfig } = require('@sigstore/sign');
const { toTrustMaterial, Verifier } = require('@sigstore/verify');
const { CertificateChainVerifier } = require('@sigstore/verify/dist/key/certificate');

function useTrustedRoot(text) {
  const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text)));
  for (const kind of ['certificateAuthorities', 'timestampAuthorities', 'tlogs', 'ctlogs']) {
    if (material[kind].length === 0) throw new Error(`no ${kind}`);
  }
  for (const { certChain, validFor } of [
    ...material.certificateAuthorities,
    ...material.timestampAuthorities,
  ]) {
    const [first, ...above] = certChain;
    new CertificateChainVerifier({
      untrustedCert: first,
      trustedCerts: above.length > 0 ? above : [first],
      timestamp: validFor.start,
    }).verify();
  }
  new Verifier(material);
}

function useSigningConfig(text) {
  bundleBuilderFromSigningConfig({
    signingConfig: SigningConfig.fromJSON(JSON.parse(text)),
    identityProvider: { getToken: async () => '' },
    bundleType: 'messageSignature',
  });
}

function files() {
  const string = { type: 'string' };
  const options = { 'trusted-root': string, 'signing-config': string };
  try {
    const { values } = parseArgs({ options });
    return Object.entries(values).map(([kind, file]) => [kind, fs.readFileSync(file, 'utf8')]);
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
}

const uses = { 'trusted-root': useTrustedRoot, 'signing-config': useSigningConfig };
const read = files();
if (read.length === 0) {
  console.error('usage: sigstore_load.mjs [--trusted-root FILE] [--signing-config FILE]');
  process.exit(2);
}
try {
  for (const [kind, text] of read) uses[kind](text);
} catch (error) {
  console.log(`${error.constructor.name}: ${error.message}`.replaceAll('\n', ' '));
  process.exit(1);
}
