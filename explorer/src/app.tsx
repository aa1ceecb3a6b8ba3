/** The frame around all pages: where one is, where one can go, and the keys that work everywhere. */

import { Component, type ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Progress } from "./bundle";
import { Finder } from "./finder";
import { Help } from "./help";
import { useKeys } from "./keys";
import { ImagePage } from "./pages/image";
import { LayerPage } from "./pages/layer";
import { LivePage } from "./pages/live";
import { ModelPage } from "./pages/model";
import { PhotosPage } from "./pages/photos";
import { ResultPage } from "./pages/result";
import { UnitPage } from "./pages/unit";
import { useReport } from "./report";
import { go, linksTo, toLayer, useRoute, type Route } from "./route";
import { turnTheme } from "./theme";

export function App({ progress }: { progress: Progress | null }) {
  const route = useRoute();
  const { model } = useReport();
  const [open, setOpen] = useState<"help" | "find" | null>(null);
  useKeys([
    { keys: ["?", "h"], does: "show the keys", run: () => setOpen("help") },
    { keys: ["/"], does: "find a unit, layer, class or photo", run: () => setOpen("find") },
    { keys: ["m"], does: "the model", run: () => go("#/") },
    { keys: ["p"], does: "the photos", run: () => go("#/photos") },
    { keys: ["v"], does: "the live deconvnet", run: () => go("#/live") },
    { keys: ["n"], does: "light or dark", run: turnTheme },
    { keys: ["Escape"], does: "one page up", run: () => go(above(route)) },
  ], true);
  const here = "layer" in route ? route.layer : "";
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the page
      </a>
      <header>
        <a class="brand" href="#/" aria-label={`${model.name}, the model's page`}>
          {model.name.replace(/\.onnx$/, "")}
        </a>
        <nav aria-label="Pages">
          <select
            aria-label="Layer"
            value={here}
            onChange={(event) => event.currentTarget.value && go(toLayer(event.currentTarget.value))}
          >
            <option value="">Layers</option>
            {model.layers.map(({ name, scanned }) => (
              <option key={name} value={name} disabled={!scanned}>{name}</option>
            ))}
          </select>
          <Page href="#/photos" here={route.page === "photos" || route.page === "image"}>Photos</Page>
          <Page href="#/live" here={route.page === "live"}>Live</Page>
          {linksTo(model.results).map(({ name, kind, number, href }) => (
            <Page key={href} href={href} here={route.page === "result" && route.kind === kind && route.number === number}>{name}</Page>
          ))}
          {model.results.length > 0 && <Page href="#/tables" here={route.page === "result" && route.kind === "tables"}>Tables</Page>}
        </nav>
        <div class="tools">
          <button type="button" onClick={() => setOpen("find")} aria-keyshortcuts="/">Find</button>
          <button type="button" onClick={turnTheme} aria-keyshortcuts="n" aria-label="Light or dark" title="Light or dark (n)">◐</button>
          <button type="button" onClick={() => setOpen("help")} aria-keyshortcuts="?" aria-label="Keys" title="Keys (?)">?</button>
        </div>
      </header>
      {progress?.what && (
        <div class="progress" role="status">
          <progress max={progress.total || 1} value={progress.done} aria-label={progress.what} /> {progress.what}
        </div>
      )}
      <main id="main" tabIndex={-1}>
        <Guard key={`${model.images.count} ${"layer" in route ? `${route.page} ${route.layer}` : location.hash}`}>{page(route)}</Guard>
      </main>
      {open === "help" && <Help close={() => setOpen(null)} />}
      {open === "find" && <Finder layer={here} close={() => setOpen(null)} />}
    </>
  );
}

function Page({ href, here, children }: { href: string; here: boolean; children: ComponentChildren }) {
  return <a href={href} aria-current={here ? "page" : undefined}>{children}</a>;
}

function page(route: Route) {
  switch (route.page) {
    case "model": return <ModelPage />;
    case "layer": return <LayerPage name={route.layer} query={route.query} />;
    case "unit": return <UnitPage layerName={route.layer} unit={route.unit} />;
    case "photos": return <PhotosPage />;
    case "image": return <ImagePage photo={route.image} />;
    case "live": return <LivePage start={route} />;
    case "result": return <ResultPage kind={route.kind} number={route.number} />;
  }
}

function above(route: Route): string {
  if (route.page === "unit") return toLayer(route.layer);
  return route.page === "image" ? "#/photos" : "#/";
}

/** Says what a page could not do, and leaves the others alone. */
class Guard extends Component<{ children: ComponentChildren }, { error: Error | null }> {
  state = { error: null };

  static getDerivedStateFromError = (error: Error) => ({ error });

  render({ children }: { children: ComponentChildren }, { error }: { error: Error | null }) {
    return error ? <p class="notice" role="alert">{error.message}</p> : children;
  }
}
