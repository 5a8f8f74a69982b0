import { cachePath } from './kit/paths.ts';
export async function pauseArchive(bin: string): Promise<string> {
  return cachePath('x' + bin);
}
