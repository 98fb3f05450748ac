/** Import rules, for `npm run lint`: prints each import that breaks one, with the reason, and fails. */

import { findViolations, readSources } from "./lib/importRules.ts";
import { ROOT } from "./lib/paths.ts";

const files = readSources(ROOT);
const violations = findViolations(files);
for (const { file, imported, reason } of violations) {
  process.stderr.write(`${file} imports ${imported}\n  ${reason}\n`);
}
process.stdout.write(`Import rules: ${files.length} files, ${violations.length} violations\n`);
process.exitCode = violations.length === 0 ? 0 : 1;
