// What z-api posts, field for field as its documentation shows it.

const hex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase();

/** An id like WhatsApp's own. */
export const newMessageId = () => `3EB0${hex(8)}`;

/** A message in a chat; `content` is what the patient, or staff, put into it. */
export function received({ patient, clinic, messageId, at, byStaff, content }) {
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

/** RECEIVED when messages reached the phone, READ when they were seen. */
export function status({ patient, clinic, at, ids, status }) {
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
