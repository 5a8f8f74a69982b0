// Signs a folder, and checks a signature. The format is the engine's; here are the files and the words. Called by sign,
// verify and bundle.
import type { Source } from '../engine/files.ts';
import { findSignatures, signSource, verifySource } from '../engine/signatures.ts';
import { readPrivateKey, readPublicKeys } from '../engine/signing-keys.ts';
import { readText } from './folder.ts';

/** The content of migrations.sig. Throws EngineError when the key cannot be used. */
export function signatureText(source: Source, keyFile: string): string {
  return signSource(source, readPrivateKey(readText(keyFile), keyFile));
}

/** Throws NotSigned. Answers how many versions the signature covers. */
export async function verifyFolder(source: Source, keysFile: string): Promise<number> {
  const keys = readPublicKeys(readText(keysFile), keysFile);
  return verifySource(source, await findSignatures(source.directory), { keys }).size;
}
