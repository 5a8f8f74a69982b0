// Signs a folder, and checks a signature. The format is the engine's; here are the files and the words. Called by sign,
// verify and bundle.
import { readFileSync } from 'node:fs';
import type { Source } from '../engine/files.ts';
import { findSignatures, signSource, verifySource } from '../engine/signatures.ts';
import { readPrivateKey, readPublicKeys } from '../engine/signing-keys.ts';

/** The content of migrations.sig. Throws EngineError when the key cannot be used. */
export function signatureText(source: Source, keyFile: string): string {
  return signSource(source, readPrivateKey(readFileSync(keyFile, 'utf8'), keyFile));
}

/** Throws NotSigned. Answers how many versions the signature covers. */
export async function verifyFolder(source: Source, keysFile: string): Promise<number> {
  const keys = readPublicKeys(readFileSync(keysFile, 'utf8'), keysFile);
  return verifySource(source, await findSignatures(source.directory), { keys }).size;
}
