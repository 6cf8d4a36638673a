// The bubbles of a chat, made of its history and of what reached the phone.

const RANK = { RECEIVED: 0, QUEUED: 0, BLOCKED: 0, FAILED: 1, SENT: 2, DELIVERED: 3, READ: 4 };

/** The messages of a history, oldest first, each with its events; its status is the highest. */
export function messagesOf(events) {
  const messages = new Map();
  for (const event of events) {
    let message = messages.get(event.messageId);
    if (!message) {
      message = { id: event.messageId, direction: event.direction, kind: event.messageType, text: event.content, steps: [], options: [], byStaff: false, status: event.status };
      messages.set(event.messageId, message);
    }
    message.steps.push({ status: event.status, at: event.statusTimestamp, error: event.errorDetails });
    if (RANK[event.status] > RANK[message.status]) message.status = event.status;
    message.providerId ??= event.providerMessageId;
    message.states ??= event.metadata?.stateAfter && [event.metadata.stateBefore, event.metadata.stateAfter];
    message.byStaff ||= event.metadata?.author === "staff";
    if (event.metadata?.choices) message.options = event.metadata.choices;
  }
  return [...messages.values()];
}

/**
 * The messages by their times; those to which a stopped clock gives the same, as they were first
 * seen, be it in the history or on the phone. `seen` is kept by the caller from one reading to the
 * next.
 */
export function inOrder(messages, outbox, seen) {
  for (const id of [...messages.map((message) => message.id), ...outbox.map((sent) => sent.messageId)]) {
    if (!seen.has(id)) seen.set(id, seen.size);
  }
  const begun = (message) => message.steps[0].at;
  const place = (message) => Math.min(seen.get(message.id), seen.get(message.providerId) ?? Infinity);
  return messages.toSorted((one, other) => begun(one).localeCompare(begun(other)) || place(one) - place(other));
}

/**
 * What the patient's phone shows: everything said in the chat that reached it. `outbox` is what
 * the provider was given; a message of it that the history does not know yet comes last. `waiting`
 * is what this page has sent and has not seen in the history.
 */
export function bubblesOf(messages, outbox, waiting) {
  const delivered = new Map(outbox.map((sent) => [sent.messageId, sent]));
  const bubbles = [];
  for (const message of messages) {
    const isClinics = message.direction === "OUTBOUND";
    if (isClinics && RANK[message.status] < RANK.SENT) continue;
    const sent = delivered.get(message.providerId);
    delivered.delete(message.providerId);
    bubbles.push({
      id: message.providerId ?? message.id,
      from: message.byStaff ? "staff" : isClinics ? "clinic" : "patient",
      kind: message.kind,
      text: sent?.message ?? message.text,
      options: sent?.options ?? message.options,
      at: message.steps[0].at,
      status: message.status,
    });
  }
  for (const sent of delivered.values()) {
    bubbles.push({ id: sent.messageId, from: "clinic", kind: sent.type, text: sent.message, options: sent.options, at: sent.sentAt, status: "SENT" });
  }
  const known = new Set(bubbles.map((bubble) => bubble.id));
  return [...bubbles, ...waiting.filter((bubble) => !known.has(bubble.id))];
}
