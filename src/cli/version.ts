// The version that `--version` prints: package.json's, read when the bundle is built.
import manifest from '../../package.json' with { type: 'json' };

export const VERSION: string = manifest.version;
