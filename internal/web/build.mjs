// Makes dist/ from src/ and the packages of package.json. Nothing it writes is committed.
import * as sass from "sass";
import * as esbuild from "esbuild";
import rtlcss from "rtlcss";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

const out = "dist";
mkdirSync(out, { recursive: true });
for (const name of readdirSync(out)) if (name !== ".gitkeep") rmSync(`${out}/${name}`, { recursive: true });

// The crest is the only mark of GOV.UK that stays in the compiled sheet; it goes too.
const compiled = sass.compile("src/app.scss", { loadPaths: [".", "node_modules", "src"], style: "compressed", quietDeps: true, charset: false }).css;
const css = compiled.replace(/(background-image|-webkit-mask-image|mask-image):url\("[^"]*govuk-crest\.svg"\);?/g, "");
if (/GDS Transport|govuk-crest/.test(css.replace(/\/\*[\s\S]*?\*\//g, ""))) throw new Error("marks of GOV.UK are left in the stylesheet");

const js = await esbuild.build({ entryPoints: ["src/app.js"], bundle: true, minify: true, format: "esm", target: "es2020", write: false, legalComments: "none" });
const licences = ["govuk-frontend", "@ministryofjustice/frontend"].map((name) => {
  const p = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  return `${p.name} ${p.version}, ${p.license}, ${p.repository?.url ?? ""}`;
});

const files = { "app.css": css, "app.rtl.css": rtlcss.process(css), "app.js": js.outputFiles[0].text, "LICENCES.txt": licences.join("\n") + "\n" };
const manifest = {};
for (const [name, text] of Object.entries(files)) {
  const hashed = name.replace(/(\.[^.]+)$/, `-${createHash("sha256").update(text).digest("hex").slice(0, 12)}$1`);
  manifest[name] = hashed;
  writeFileSync(`${out}/${hashed}`, text);
  writeFileSync(`${out}/${hashed}.gz`, gzipSync(text, { level: 9 }));
  writeFileSync(`${out}/${hashed}.br`, brotliCompressSync(text));
}
mkdirSync(`${out}/images`);
for (const name of new Set([...css.matchAll(/\/assets\/images\/([\w-]+\.svg)/g)].map((m) => m[1])))
  writeFileSync(`${out}/images/${name}`, readFileSync(`node_modules/@ministryofjustice/frontend/moj/assets/images/${name}`));
writeFileSync(`${out}/manifest.json`, JSON.stringify(manifest, null, 1));
