// Files of the session that this page had last, as the server kept it: text and subtitles, of what was said and of what it
// means. The server keeps them for as long as whoever runs it says (docs/history.md); captions on the page can be saved
// without it.

const byId = (id) => document.getElementById(id);
const ORIGINAL = [["txt", "Text"], ["srt", "Subtitles, SRT"], ["vtt", "Subtitles, WebVTT"]];

export class Files {
  #session = "";
  #target = "";

  /** `fetch(path)` asks the server, `saved()` and `failed()` say how it went. */
  constructor({ fetch, saved, failed }) {
    Object.assign(this, { fetch, saved, failed });
    byId("files").addEventListener("change", ({ target }) => {
      const wanted = target.value;
      target.value = "";
      void this.#save(wanted);
    });
  }

  /** Of this session, which is put into `target` (or nothing); no session: there is nothing to fetch. */
  of(session, target) {
    this.#session = session;
    this.#target = target;
    const translated = target === "" ? [] : ORIGINAL.map(([kind, name]) => [`${kind} ${target}`, `${name}, translated`]);
    byId("files").replaceChildren(...[["", "Files"], ...ORIGINAL, ...translated].map(([value, name]) => new Option(name, value)));
    byId("files").hidden = session === "";
  }

  async #save(wanted) {
    const [format, language] = wanted.split(" ");
    const query = new URLSearchParams(language === undefined ? { format } : { format, language });
    try {
      const answer = await this.fetch(`/v1/sessions/${this.#session}/transcript?${query}`);
      if (!answer.ok) return this.failed();
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = ["dragoman", language, format].filter(Boolean).join(".");
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      this.saved();
    } catch {
      this.failed();
    }
  }
}
