// Choosing files: by dropping them, by the picker, or a whole folder.

import { button, fill, make, said } from "./dom.js";
import { bytes, some } from "./format.js";

const LISTED = 6;

/** Files below a dropped entry, with their relative paths. A folder is read in portions until one is empty. */
async function below(entry, path = "") {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path: path + entry.name }];
  }
  if (!entry.isDirectory) return [];
  const reader = entry.createReader(), found = [];
  for (;;) {
    const portion = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (portion.length === 0) return found;
    for (const one of portion) found.push(...(await below(one, `${path}${entry.name}/`)));
  }
}

/** Files of editors and systems that nobody means to upload. */
const hidden = (path) => path.split("/").some((part) => part.startsWith("."));

/** The zone; `changed(files)` is told whenever the choice changes. */
export function uploader(changed) {
  let files = new Map();
  const chosen = make("div", { class: "chosen", "aria-live": "polite" });
  const picker = (label, folder) => {
    const control = make("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1", "aria-hidden": "true", ...(folder ? { webkitdirectory: true } : {}) });
    control.addEventListener("change", () => {
      add([...control.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
      control.value = "";
    });
    return [button(label, () => control.click()), control];
  };
  const zone = make("div", { class: "zone" },
    make("p", {}, make("strong", {}, "Drop files or folders here")),
    make("div", { class: "buttons centre" }, picker("Choose files", false), picker("Choose a folder", true)),
    make("p", { class: "hint" }, "Captions, notes, chats, JSON of speech services, .docx; a .zip is unpacked."));

  function add(more) {
    for (const one of more) if (!hidden(one.path) || more.length === 1) files.set(one.path, one);
    show();
  }
  function show() {
    const all = [...files.values()], size = all.reduce((sum, { file }) => sum + file.size, 0);
    if (all.length === 0) fill(chosen);
    else {
      fill(chosen,
        make("p", {}, make("strong", {}, some(all.length, "file")), `, ${bytes(size)} `, button("Clear", () => { files = new Map(); show(); }, { class: "link" })),
        make("ul", {}, all.slice(0, LISTED).map(({ path, file }) => make("li", {}, said(path, 90), make("span", { class: "soft" }, ` ${bytes(file.size)}`)))),
        all.length > LISTED ? make("p", { class: "hint" }, `and ${some(all.length - LISTED, "more file", "more files")}`) : null);
    }
    changed(all, size);
  }

  const over = (event) => { event.preventDefault(); zone.classList.add("over"); };
  zone.addEventListener("dragenter", over);
  zone.addEventListener("dragover", over);
  zone.addEventListener("dragleave", (event) => { if (!zone.contains(event.relatedTarget)) zone.classList.remove("over"); });
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    // The items are gone after the first pause: their entries are taken at once.
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const entries = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
    zone.classList.add("busy");
    try {
      for (const { entry, file } of entries) {
        if (entry) add(await below(entry)); else if (file) add([{ file, path: file.name }]);
      }
    } catch (error) {
      fill(chosen, make("p", { class: "alert", role: "alert" }, `What was dropped cannot be read: ${error.message}. Choose it by the button.`));
    } finally {
      zone.classList.remove("busy");
    }
  });
  return { element: make("div", {}, zone, chosen) };
}
