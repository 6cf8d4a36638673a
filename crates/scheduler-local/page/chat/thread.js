// Builds the messages and bubbles of a chat from its history and the outbox of the fake z-api.

const STATUS_RANK = { RECEIVED: 0, QUEUED: 0, BLOCKED: 0, FAILED: 1, SENT: 2, DELIVERED: 3, READ: 4 };

/** Groups the events of a history by message, oldest first. A message has its highest status. */
export function messagesOf(events) {
  const messages = new Map();
  for (const event of events) {
    let message = messages.get(event.messageId);
    if (!message) {
      message = { id: event.messageId, direction: event.direction, kind: event.messageType, text: event.content, steps: [], options: [], byStaff: false, status: event.status };
      messages.set(event.messageId, message);
    }
    message.steps.push({ status: event.status, at: event.statusTimestamp, error: event.errorDetails });
    if (STATUS_RANK[event.status] > STATUS_RANK[message.status]) message.status = event.status;
    message.providerId ??= event.providerMessageId;
    message.states ??= event.metadata?.stateAfter && [event.metadata.stateBefore, event.metadata.stateAfter];
    message.byStaff ||= event.metadata?.author === "staff";
    if (event.metadata?.choices) message.options = event.metadata.choices;
  }
  return [...messages.values()];
}

/**
 * Sorts messages by time.
 *
 * Messages sent while the clock is stopped have equal times. They keep the order in which they first
 * appeared in the history or the outbox. `firstSeen` stores that order between calls.
 */
export function sortMessages(messages, outbox, firstSeen) {
  for (const id of [...messages.map((message) => message.id), ...outbox.map((sent) => sent.messageId)]) {
    if (!firstSeen.has(id)) firstSeen.set(id, firstSeen.size);
  }
  const startedAt = (message) => message.steps[0].at;
  const position = (message) => Math.min(firstSeen.get(message.id), firstSeen.get(message.providerId) ?? Infinity);
  return messages.toSorted((one, other) => startedAt(one).localeCompare(startedAt(other)) || position(one) - position(other));
}

/**
 * The bubbles on the patient's phone: every inbound message, and the outbound ones that were sent.
 *
 * `outbox` is what the server sent to z-api; a message in it that is not in the history yet comes
 * after the history. `waiting` are bubbles sent by this page that are not in the history yet.
 */
export function bubblesOf(messages, outbox, waiting) {
  const unmatched = new Map(outbox.map((sent) => [sent.messageId, sent]));
  const bubbles = [];
  for (const message of messages) {
    const outbound = message.direction === "OUTBOUND";
    if (outbound && STATUS_RANK[message.status] < STATUS_RANK.SENT) continue;
    const sent = unmatched.get(message.providerId);
    unmatched.delete(message.providerId);
    bubbles.push({
      id: message.providerId ?? message.id,
      from: message.byStaff ? "staff" : outbound ? "clinic" : "patient",
      kind: message.kind,
      text: sent?.message ?? message.text,
      options: sent?.options ?? message.options,
      at: message.steps[0].at,
      status: message.status,
    });
  }
  for (const sent of unmatched.values()) {
    bubbles.push({ id: sent.messageId, from: "clinic", kind: sent.type, text: sent.message, options: sent.options, at: sent.sentAt, status: "SENT" });
  }
  const known = new Set(bubbles.map((bubble) => bubble.id));
  return [...bubbles, ...waiting.filter((bubble) => !known.has(bubble.id))];
}
