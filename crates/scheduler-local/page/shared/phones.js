// Formats phone numbers for display.

/** `5511999990000` → `+55 11 99999-0000` */
export function formatPhone(phone) {
  const brazilian = /^55(\d\d)(\d{4,5})(\d{4})$/.exec(phone);
  return brazilian ? `+55 ${brazilian[1]} ${brazilian[2]}-${brazilian[3]}` : `+${phone}`;
}
