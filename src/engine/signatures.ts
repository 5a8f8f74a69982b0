// Signs migrations and checks that they are signed: ed25519 over each version's checksums (kept in the ledger, for a down
// script that has left the source) and over the list of all (so that none is added or removed). The file is
// `migrations.sig` beside the migrations; its format is in docs/formats.md. Pure but for reading keys that are passed in.
//
//   const key = readPrivateKey(text, 'key.pem');               // PEM (openssl) or OpenSSH, unencrypted
//   const file = signSource(source, key);                      // text of migrations.sig
//   const trusted = readPublicKeys(text, 'keys.pub');          // PEM or OpenSSH lines, several
//   verifySource(source, file, trusted);                       // throws NotSigned (exit 23)

/** Name of the file beside the migrations. */
export const SIGNATURE_FILE = 'migrations.sig';
