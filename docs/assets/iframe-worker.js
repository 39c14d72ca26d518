// Search from disk: browsers start no worker for a page opened as file://, so the search runs in a hidden frame.
"use strict";
if (location.protocol === "file:") {
  const inside = `
    self.importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((done, failed) => {
      const script = document.createElement("script");
      Object.assign(script, { src: url, onload: done, onerror: failed });
      document.body.append(script);
    })), Promise.resolve());`;
  class IFrameWorker extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      Object.assign(this.frame, { hidden: true, title: "search", src: "about:blank" });
      document.body.append(this.frame);
      const frame = this.frame.contentWindow;
      frame.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const page = frame.document;
      const script = (text) => Object.assign(page.createElement("script"), { text });
      page.body.append(script(inside));
      const work = Object.assign(page.createElement("script"), { src: String(url) });
      work.onload = () => {
        this.ready = true;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      };
      page.body.append(work);
    }
    postMessage(data) {
      if (this.ready) this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      else this.waiting.push(data);
    }
    terminate() {
      this.frame.remove();
    }
  }
  window.IFrameWorker = window.Worker = IFrameWorker;
}
