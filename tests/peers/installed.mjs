// Loads the Node packages that setup.sh installed: they lie outside the folders that `import` searches.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import path from "node:path";

const peers = process.env.SLUICEGATE_PEERS ?? fileURLToPath(new URL("../../target/peers", import.meta.url));

export const load = createRequire(path.resolve(peers, "package.json"));
