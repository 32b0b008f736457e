// Builds the page into the package, and writes down from which sources (tests/web/test_build.py).
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

const here = import.meta.dirname;
const page = join(here, "../src/penjing/serve/page");
const sha256 = (data) => createHash("sha256").update(data).digest("hex");

function sources() {
  const found = readdirSync(here, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(here.length + 1).replaceAll("\\", "/"))
    .filter((name) => !name.startsWith("node_modules/"))
    .sort((a, b) => (a < b ? -1 : 1));
  return sha256(found.map((name) => `${name} ${sha256(readFileSync(join(here, name)))}\n`).join(""));
}

const signed = {
  name: "signed",
  closeBundle() {
    const files = readdirSync(page, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile() && one.name !== "build.json")
      .map((one) => join(one.parentPath, one.name))
      .sort();
    const about = Object.fromEntries(
      files.map((path) => [path.slice(page.length + 1).replaceAll("\\", "/"), sha256(readFileSync(path))]),
    );
    writeFileSync(join(page, "build.json"), `${JSON.stringify({ sources: sources(), files: about }, null, 1)}\n`);
  },
};

export default defineConfig({
  root: here,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [signed],
  build: {
    outDir: page,
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: { output: { entryFileNames: "assets/[name]-[hash].js", chunkFileNames: "assets/[name]-[hash].js" } },
  },
});
