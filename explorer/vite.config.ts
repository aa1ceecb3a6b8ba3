import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const RUNTIME = ["ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
const SHIPPED = ["preact", "@tanstack/virtual-core", "onnxruntime-web"]; // whose code the page holds

/** One index.html with its style and script in it, and the runtime's files beside it; from file:// no other script runs. */
function onePage(): Plugin {
  return {
    name: "one-page",
    enforce: "post",
    generateBundle(_, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") throw new Error("index.html is missing");
      let html = String(page.source).replace(/<script type="module"[^>]*><\/script>|<link rel="stylesheet"[^>]*>/g, "");
      for (const [name, file] of Object.entries(bundle)) {
        if (file === page) continue;
        const script = file.type === "chunk";
        const text = script ? file.code.replace(/<\/script/g, "<\\/script").replace(/<!--/g, "<\\!--") : String(file.source);
        const place = script ? "<!-- script -->" : "<!-- style -->";
        html = html.replace(place, () => (script ? `<script>${text}</script>` : `<style>${text}</style>`));
        delete bundle[name];
      }
      page.source = html;
      const folder = (name: string) => `node_modules/${name}`;
      for (const fileName of RUNTIME) {
        this.emitFile({ type: "asset", fileName, source: readFileSync(`${folder("onnxruntime-web")}/dist/${fileName}`) });
      }
      const version = (name: string) => JSON.parse(readFileSync(`${folder(name)}/package.json`, "utf8")) as { version: string; license: string };
      const notices = SHIPPED.map((name) => `${name} ${version(name).version} (${version(name).license})`).join("\n");
      this.emitFile({ type: "asset", fileName: "NOTICES.txt", source: `The page holds code of\n\n${notices}\n` });
    },
  };
}

export default defineConfig({
  plugins: [onePage()],
  build: {
    outDir: "../inspectnet/explorer/page",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: Infinity,
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { output: { format: "iife", codeSplitting: false } },
  },
});
