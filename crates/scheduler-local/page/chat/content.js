// Message contents in z-api's webhook format, with what the page shows until the server stores them.

const mediaUrl = (name) => `https://example.invalid/${name}`;

export const textMessage = (message) => ({ kind: "text", text: message, content: { text: { message } } });

/** The choice of a button or list row of the message with id `messageId`. */
export function optionReply({ id, label }, messageId, isList) {
  const content = isList
    ? { listResponseMessage: { message: label, title: label, selectedRowId: id } }
    : { buttonsResponseMessage: { buttonId: id, message: label } };
  return { kind: "button_reply", text: label, content: { referenceMessageId: messageId, ...content } };
}

export const voiceMessage = () => ({
  kind: "audio",
  text: "",
  content: {
    audio: { ptt: true, seconds: 7, audioUrl: mediaUrl("voz.ogg"), mimeType: "audio/ogg; codecs=opus", viewOnce: false },
  },
});

export const imageMessage = () => ({
  kind: "image",
  text: "",
  content: {
    image: {
      mimeType: "image/jpeg",
      imageUrl: mediaUrl("foto.jpg"),
      thumbnailUrl: mediaUrl("foto.jpg"),
      downloadError: null,
      caption: "",
      width: 600,
      height: 315,
      viewOnce: false,
    },
  },
});

export const locationMessage = () => ({
  kind: "location",
  text: "",
  content: { location: { longitude: -46.6333, latitude: -23.5505, address: "", url: "" } },
});
