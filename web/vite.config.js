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

// The notices of what is bundled, found by what really went in; one that has none ends the build.
const licences = {
  name: "licences",
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap((one) => Object.keys(one.modules ?? {}));
    const names = new Set(modules.map((path) => path.match(/.*\/node_modules\/(@[^/]+\/[^/]+|[^/]+)/)?.[1]).filter(Boolean));
    const parts = [...names].sort().map((name) => {
      const folder = join(here, "node_modules", name);
      const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf-8"));
      const file = readdirSync(folder).find((one) => /^(licen[cs]e|copying)/i.test(one));
      if (!file) throw new Error(`${name} has no licence file: its notice must ship with the page`);
      return `${name} ${about.version} (${about.license})\n\n${readFileSync(join(folder, file), "utf-8").trim()}\n`;
    });
    const own = readFileSync(join(here, "../LICENSE"), "utf-8").trim();
    const head = "This page is part of Penjing (Apache-2.0, at the end) and is made with:\n";
    const line = `\n${"-".repeat(72)}\n\n`;
    this.emitFile({ type: "asset", fileName: "licences.txt", source: [head, ...parts, `Penjing\n\n${own}\n`].join(line) });
  },
};

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
  plugins: [licences, signed],
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
