// Flyway's checksum of a script: CRC-32 over its lines without their ends, as a signed number, so that a byte order mark and
// the kind of line end do not count (flyway-core, ChecksumCalculator.java; tried on Flyway 10.22, test/engine/histories.test.ts).
// Pure. Called by history.ts, to know whether a repeatable migration ran with the text that is here.
import { crc32 } from 'node:zlib';

/** `text` without a byte order mark. */
export function flywayChecksum(text: string): number {
  return crc32(text.replace(/\r\n|\r|\n/g, '')) | 0;
}
