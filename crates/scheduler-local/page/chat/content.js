// What can be put into a message, as z-api writes it, and how the page shows it before it comes back.

const media = (name) => `https://example.invalid/${name}`;

export const text = (message) => ({ kind: "text", text: message, content: { text: { message } } });

/** A press on a button or a list's row of the message `reference`. */
export function press({ id, label }, reference, isList) {
  const content = isList
    ? { listResponseMessage: { message: label, title: label, selectedRowId: id } }
    : { buttonsResponseMessage: { buttonId: id, message: label } };
  return { kind: "button_reply", text: label, content: { referenceMessageId: reference, ...content } };
}

export const voice = () => ({
  kind: "audio",
  text: "",
  content: {
    audio: { ptt: true, seconds: 7, audioUrl: media("voz.ogg"), mimeType: "audio/ogg; codecs=opus", viewOnce: false },
  },
});

export const picture = () => ({
  kind: "image",
  text: "",
  content: {
    image: {
      mimeType: "image/jpeg",
      imageUrl: media("foto.jpg"),
      thumbnailUrl: media("foto.jpg"),
      downloadError: null,
      caption: "",
      width: 600,
      height: 315,
      viewOnce: false,
    },
  },
});

export const location = () => ({
  kind: "location",
  text: "",
  content: { location: { longitude: -46.6333, latitude: -23.5505, address: "", url: "" } },
});
