/* The box below a snippet: what came of running it, as it comes. */

import { duration, number } from "../format.js";
import { say, t } from "../words.js";
import { el, icon } from "../dom.js";

const SIGNS = { running: ["", "clock"], served: ["ok", "ok-dot"], cut: ["warn", "warning"], stopped: ["", "stop"], refused: ["bad", "cross"], unreachable: ["bad", "cross"] };

/** One box; `element` is what is shown. */
export class Box {
  #state = el("p.run-state", { role: "status" });
  #thoughts = el("div.run-thoughts", { hidden: true, tabindex: "0", role: "group", "aria-label": t("run.thoughts") });
  #text = el("pre.run-text", { tabindex: "0", "aria-label": t("run.output") });
  #more = el("div.run-more");
  #stop = el("button.button.plain.small", { type: "button", hidden: true }, icon("stop"), t("run.stop"));
  #frame = 0;

  /** `stop` and `close` are called when the reader wants that; `mono` where what comes is no prose. */
  constructor(stop, close, mono) {
    this.#text.classList.toggle("mono", mono);
    this.#stop.addEventListener("click", stop);
    const button = el("button.button.plain.small.square", { type: "button", "aria-label": t("run.close"), title: t("run.close") }, icon("close"));
    button.addEventListener("click", close);
    const head = el("div.run-head", {}, this.#state, this.#stop, button);
    this.element = el("div.run", {}, head, this.#thoughts, this.#text, this.#more);
  }

  /** It has begun. */
  begin() {
    this.#say("running");
    this.#text.textContent = "";
    this.#thoughts.hidden = true;
    this.#thoughts.textContent = "";
    this.#text.hidden = true;
    this.#more.replaceChildren();
  }

  /** That much has been said, so far; shown once a frame. */
  hear(heard) {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#show(heard));
  }

  /** It is over; `help`, elements, stands below an error. */
  end(result, help = []) {
    cancelAnimationFrame(this.#frame);
    this.#show(result, !result.raw);
    const { ending, status, took, first, usage, request } = result;
    this.#say(ending, [
      status ? `HTTP ${status}` : null,
      first === null ? null : t("run.first", { time: duration(first) }),
      t("run.time", { time: duration(took) }),
      usage?.total_tokens ? t("run.tokens", { n: number(usage.total_tokens) }) : null,
      request,
    ]);
    if (result.error) this.#more.append(el("p.run-error", {}, say(result.error.code, result.error.message).replace("{message}", result.error.message)));
    if (result.error?.wait) this.#more.append(el("p", {}, t("run.wait", { n: result.error.wait })));
    this.#more.append(...help);
    if (result.raw) this.#more.append(el("details.run-raw", {}, el("summary", {}, t("run.raw")), el("pre", { tabindex: "0" }, JSON.stringify(result.raw, null, 2))));
    if (ending === "served" && !result.text) this.#show({ ...result, text: t("run.nothing") });
  }

  /** Nothing was sent, and this is why. */
  refuse(...why) {
    this.begin();
    this.#say("refused");
    this.#more.append(...why);
  }

  #show({ text, thoughts }, follows = true) {
    const atEnd = follows && this.#text.scrollTop + this.#text.clientHeight >= this.#text.scrollHeight - 8;
    this.#thoughts.hidden = !thoughts;
    if (thoughts) this.#thoughts.replaceChildren(el("strong", {}, t("run.thoughts")), el("span", {}, thoughts));
    this.#text.hidden = !text;
    this.#text.textContent = text;
    if (atEnd) this.#text.scrollTop = this.#text.scrollHeight;
    this.#thoughts.scrollTop = this.#thoughts.scrollHeight;
  }

  #say(ending, figures = []) {
    this.#stop.hidden = ending !== "running";
    const [kind, sign] = SIGNS[ending];
    const told = figures.filter(Boolean).map((figure) => el("span.nums", {}, figure));
    this.#state.replaceChildren(el(`span.badge${kind && `.${kind}`}`, {}, icon(sign), t(`run.${ending}`)), ...told);
  }
}
