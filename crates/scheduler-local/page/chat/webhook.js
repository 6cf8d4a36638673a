// The webhook payloads that z-api posts, with all the fields in its documentation.

/** A random message id in WhatsApp's format. */
export const newMessageId = () => `3EB0${randomHex(8)}`;

const randomHex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase();

/** A message in the chat. `content` is the part of the payload that depends on the kind of message. */
export function receivedCallback({ patient, clinic, messageId, at, byStaff, content }) {
  return {
    isStatusReply: false,
    chatLid: null,
    connectedPhone: clinic.phone,
    waitingMessage: false,
    isEdit: false,
    isGroup: false,
    isNewsletter: false,
    instanceId: clinic.instance,
    messageId,
    phone: patient.phone,
    fromMe: byStaff,
    momment: at.getTime(),
    status: byStaff ? "SENT" : "RECEIVED",
    chatName: patient.name,
    senderPhoto: null,
    senderName: byStaff ? clinic.name : patient.name,
    photo: null,
    broadcast: false,
    participantLid: null,
    forwarded: false,
    type: "ReceivedCallback",
    fromApi: false,
    ...content,
  };
}

/** A new status of messages: RECEIVED when they reach the phone, READ when the patient sees them. */
export function messageStatusCallback({ patient, clinic, at, ids, status }) {
  return {
    instanceId: clinic.instance,
    status,
    ids,
    momment: at.getTime(),
    phoneDevice: 0,
    phone: patient.phone,
    type: "MessageStatusCallback",
    isGroup: false,
  };
}
