// The routes that only the local server has, and the webhooks' door.

const QUIET = 1_000;

export class Server {
  #token = new URLSearchParams(location.search).get("token");
  #onState;

  /** `onState` is told whether the server answers. */
  constructor(onState) {
    this.#onState = onState;
  }

  outbox = async (phone) => {
    const response = await fetch(`/_local/outbox?phone=${encodeURIComponent(phone)}`);
    // With a real z-api there is no outbox: the history alone tells what went out.
    return response.status === 404 ? [] : read(response);
  };
  chat = (phone, clinicId) => ask(`/_local/chats/${encodeURIComponent(phone)}?clinicId=${encodeURIComponent(clinicId)}`);
  clock = () => ask("/_local/clock");
  setClock = (now) => ask("/_local/clock", { method: "PUT", body: JSON.stringify({ now }) });
  jobs = () => ask("/_local/jobs");
  runJob = (name) => ask(`/_local/jobs/${encodeURIComponent(name)}`, { method: "POST" });

  /** Posts a webhook, with the token that the page's own address carries, if any. */
  post(path, payload) {
    const token = this.#token ? `?token=${encodeURIComponent(this.#token)}` : "";
    return ask(`${path}${token}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(payload) });
  }

  isAway() {
    this.#onState(false);
  }

  /** Calls `look` now and whenever something has happened, one call at a time, for good. */
  async watch(look) {
    let seen = 0;
    for (;;) {
      try {
        await look();
        this.#onState(true);
        seen = (await ask(`/_local/changes?after=${seen}`)).change;
      } catch {
        this.isAway();
        await new Promise((resolve) => setTimeout(resolve, QUIET));
      }
    }
  }
}

async function ask(path, options) {
  return read(await fetch(path, options));
}

async function read(response) {
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message ?? `${response.status}`);
  return answer;
}
