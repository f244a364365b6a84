// The document on stdin, judged by the JSON schema of OpenAPI 3.1 and by its references.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.argv[2] + "/");
const { Validator } = await import(pathToFileURL(require.resolve("@seriousme/openapi-schema-validator")));
const validator = new Validator();
const judged = await validator.validate(JSON.parse(readFileSync(0, "utf8")));
if (!judged.valid) {
    console.error(JSON.stringify(judged.errors, null, 1));
    process.exit(1);
}
validator.resolveRefs();
console.log("valid", validator.version);
