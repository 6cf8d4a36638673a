// The public API, as far as an agenda needs it. It knows a key and nothing else of its caller.

/** The API's refusal, or that it gave no answer (`status` 0). */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Api {
  #key;
  #clinic;

  constructor(key, clinicId) {
    this.#key = key;
    this.#clinic = `/clinics/${encodeURIComponent(clinicId)}`;
  }

  async clinic() {
    return (await this.#ask("GET", this.#clinic)).clinic;
  }

  /** The visits of some days, all pages of them. */
  async visits(from, to) {
    const visits = [];
    let cursor = "";
    do {
      const page = await this.#ask("GET", `${this.#clinic}/appointments?from=${from}&to=${to}${cursor}`);
      visits.push(...page.appointments);
      cursor = page.nextCursor ? `&cursor=${encodeURIComponent(page.nextCursor)}` : "";
    } while (cursor);
    return visits;
  }

  async rules() {
    return (await this.#ask("GET", `${this.#clinic}/availability-rules`)).rules;
  }

  async exceptions(from, to) {
    return (await this.#ask("GET", `${this.#clinic}/availability-exceptions?from=${from}&to=${to}`)).exceptions;
  }

  /** Changes a visit, unless it has changed since it was read. */
  async change(visit, change) {
    const path = `/appointments/${encodeURIComponent(visit.appointment_id)}`;
    return (await this.#ask("PUT", path, { version: visit.version, ...change })).appointment;
  }

  async #ask(method, path, body) {
    let response;
    try {
      response = await fetch(path, {
        method,
        headers: { "x-api-key": this.#key, ...(body && { "Content-Type": "application/json" }) },
        body: body && JSON.stringify(body),
      });
    } catch {
      throw new ApiError(0, "O servidor não respondeu.");
    }
    const answer = await response.json().catch(() => null);
    if (!response.ok || answer === null) {
      const faults = answer?.errors?.map((fault) => fault.message).join(" ");
      throw new ApiError(response.status, faults || answer?.message || "O servidor deu uma resposta ilegível.");
    }
    return answer;
  }
}
