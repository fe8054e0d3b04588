/** What a person typed is an e-mail address or a phone number; the sign is the @. */
export const isEmail = (address: string) => address.includes('@');

/** How an address is named in requests. */
export const named = (address: string) =>
  isEmail(address) ? { email: address.trim() } : { phone_number: address.trim() };

/** The secret part of a link we mailed. It stands behind the #, which browsers send to nobody. */
export const tokenInAddress = () => new URLSearchParams(window.location.hash.slice(1)).get('token') ?? '';
