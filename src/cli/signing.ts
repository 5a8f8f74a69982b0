// Signs a folder, and checks a signature. The format is the engine's; here are the files and the words. Called by sign,
// verify and bundle.
import type { Source } from '../engine/source/files.ts';
import { findSignatures, signSource, verifySource } from '../engine/source/signatures.ts';
import { readPrivateKey, readPublicKeys } from '../engine/source/signing-keys.ts';
import { readText } from './folder.ts';
import { counted } from './terminal.ts';

/** The content of migrations.sig. Throws EngineError when the key cannot be used. */
export function signatureText(source: Source, keyFile: string): string {
  return signSource(source, readPrivateKey(readText(keyFile), keyFile));
}

/** `2 versions and 1 repeatable migration`: what a signature covers. */
export function signedText({ migrations, repeatables }: Source): string {
  const again = repeatables.length === 0 ? '' : ` and ${counted(repeatables.length, 'repeatable migration')}`;
  return `${counted(migrations.length, 'version')}${again}`;
}

/** Throws NotSigned. */
export async function verifyFolder(source: Source, keysFile: string): Promise<void> {
  const keys = readPublicKeys(readText(keysFile), keysFile);
  verifySource(source, await findSignatures(source.directory), { keys });
}
