// Kubernetes' own types as they are on the wire: the client's models have `Date` fields because it parses answers into
// classes; we keep the JSON, so that what was read can be compared and written back byte for byte.

/** `T` with every `Date` (MicroTime too) as its RFC 3339 string, and read-only all the way down. */
export type Wire<T> = unknown extends T
  ? T
  : T extends Date
    ? string
    : T extends readonly (infer Item)[]
      ? readonly Wire<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: Wire<T[Key]> }
        : T;
