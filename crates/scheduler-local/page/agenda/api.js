// A client for the routes of the public API that the agenda uses.

export class Api {
  #key;
  #clinic;

  constructor(key, clinicId) {
    this.#key = key;
    this.#clinic = `/clinics/${encodeURIComponent(clinicId)}`;
  }

  async clinic() {
    return (await this.#request("GET", this.#clinic)).clinic;
  }

  /** The appointments from one day to another, inclusive, from all result pages. */
  async appointments(from, to) {
    const appointments = [];
    let cursor = "";
    do {
      const page = await this.#request("GET", `${this.#clinic}/appointments?from=${from}&to=${to}${cursor}`);
      appointments.push(...page.appointments);
      cursor = page.nextCursor ? `&cursor=${encodeURIComponent(page.nextCursor)}` : "";
    } while (cursor);
    return appointments;
  }

  async rules() {
    return (await this.#request("GET", `${this.#clinic}/availability-rules`)).rules;
  }

  async exceptions(from, to) {
    return (await this.#request("GET", `${this.#clinic}/availability-exceptions?from=${from}&to=${to}`)).exceptions;
  }

  /** Updates an appointment. Fails if it has changed since it was read. */
  async update(appointment, changes) {
    const path = `/appointments/${encodeURIComponent(appointment.appointment_id)}`;
    return (await this.#request("PUT", path, { version: appointment.version, ...changes })).appointment;
  }

  async #request(method, path, body) {
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
      const details = answer?.errors?.map((error) => error.message).join(" ");
      throw new ApiError(response.status, details || answer?.message || "O servidor deu uma resposta ilegível.");
    }
    return answer;
  }
}

/** An error answered by the API. `status` is 0 if there was no answer. */
class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}
