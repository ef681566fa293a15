// Judges rendered objects by the Kubernetes API's schema, as packages of the npm registry have it: validators made from the
// OpenAPI documents for what must be there and what values may be, and the types that go with them, asked through the
// TypeScript compiler, for fields that the API does not have. Usage: node check.mjs OBJECTS.json, in the folder of
// node_modules. Prints a line for each object: its verdict, a tab, kind/name, and why. Knows nothing of the chart.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const root = process.cwd();
const require = createRequire(path.join(root, "check.mjs"));
const ts = require("typescript");

function moduleOf({ apiVersion, kind }) {
  const from = apiVersion.startsWith("monitoring.coreos.com/") ? "@kubernetes-models/prometheus-operator" : "kubernetes-models";
  return `${from}/${apiVersion}/${kind}`;
}

async function classOf(object) {
  const file = path.join(root, "node_modules", moduleOf(object) + ".js");
  return fs.existsSync(file) ? (await import(pathToFileURL(file)))[object.kind] : undefined;
}

function refusalByValidator(object, Class) {
  try {
    new Class(object).validate();
  } catch (error) {
    return error.message.replace(/\s+/g, " ");
  }
}

// A literal may have no field that its type does not name.
function refusalsByTypes(objects) {
  const file = path.join(root, `objects-${process.pid}.ts`);
  const statements = objects.map(
    (object, i) => `import type { I${object.kind} as I${i} } from "${moduleOf(object)}";\n` +
      `export const object${i}: I${i} = ${JSON.stringify(object)};`);
  fs.writeFileSync(file, statements.join("\n"));
  const program = ts.createProgram([file], {
    noEmit: true, strict: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
  });
  const refusals = [];
  for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
    const line = diagnostic.file ? diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start).line : 0;
    refusals[line >> 1] ??= ts.flattenDiagnosticMessageText(diagnostic.messageText, " ").replace(/\s+/g, " ");
  }
  fs.unlinkSync(file);
  return refusals;
}

const objects = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const known = [];
for (const object of objects) {
  const Class = await classOf(object);
  if (Class)
    known.push({ object, refusal: refusalByValidator(object, Class) });
  else
    console.log(`unknown\t${object.kind}/${object.metadata.name}\t${object.apiVersion} is in no package`);
}
const refusals = refusalsByTypes(known.map(({ object }) => object));
known.forEach(({ object, refusal }, i) => {
  const why = refusal ?? refusals[i];
  console.log(`${why ? "refused" : "accepted"}\t${object.kind}/${object.metadata.name}\t${why ?? ""}`);
});
