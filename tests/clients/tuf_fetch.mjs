// Fetch targets from a TUF repository with tuf-js, as sigstore-js does.
//
//     tuf_fetch.mjs BASE_URL ROOT_JSON CACHE_DIR OUT_DIR TARGET...
//
// Metadata is at BASE_URL, targets are at BASE_URL/targets. ROOT_JSON is the root
// that the client trusts to begin with. CACHE_DIR is kept between calls, and with
// it what the client has seen: that is what lets it notice a rollback.
//
// Exit code: 0 accepted, 1 refused (one line says why, in the client's words),
// 2 the client came to no judgement (usage, network, disk).

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

// The packages are installed beside the build, not beside this file.
const require = createRequire(new URL('../../target/clients/', import.meta.url));

async function fetchTargets(base, root, cache, out, names) {
  const { Updater } = require('tuf-js');
  // tuf-js starts from the root in its cache: on later calls that is the newest it has verified.
  const trusted = path.join(cache, 'root.json');
  if (!fs.existsSync(trusted)) fs.copyFileSync(root, trusted);
  const updater = new Updater({
    metadataDir: cache,
    metadataBaseUrl: base,
    targetDir: out,
    targetBaseUrl: `${base}/targets`,
  });
  await updater.refresh();
  for (const name of names) {
    const target = await updater.getTargetInfo(name);
    if (!target) throw new Error(`target ${name} is not in the repository`);
    await updater.downloadTarget(target, path.join(out, name));
  }
}

// tuf-js throws plain errors, so that only the text tells a file that could not be had from one that
// was had and refused. What the system reports (a full disk, a missing package) carries a code.
function isRefusal(error) {
  return !error.code && !/Failed to download|fetch failed/.test(error.message);
}

const [base, root, cache, out, ...names] = process.argv.slice(2);
if (names.length === 0) {
  console.error('usage: tuf_fetch.mjs BASE_URL ROOT_JSON CACHE_DIR OUT_DIR TARGET...');
  process.exit(2);
}
fs.mkdirSync(cache, { recursive: true });
fs.mkdirSync(out, { recursive: true });
try {
  await fetchTargets(base.replace(/\/$/, ''), root, cache, out, names);
} catch (error) {
  const line = `${error.constructor.name}: ${error.message}`.replaceAll('\n', ' ');
  if (isRefusal(error)) {
    console.log(line);
    process.exit(1);
  }
  console.error(line);
  process.exit(2);
}
