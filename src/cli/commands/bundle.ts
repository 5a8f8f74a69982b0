// `migrate bundle <name>`
import type { Command } from '../command.ts';

export const bundle: Command = {
  name: 'bundle',
  summary: 'Print ConfigMap manifests that hold the migrations, compressed, for the resource to refer to',
  about: [
    'The name ends in a hash of the content, so that a changed file is a changed name, and a changed spec. Where one ConfigMap is too small there are several; the names to put under spec.source.configMapRefs are said at the end. The default size keeps `kubectl apply` and Argo CD, which repeat a manifest in an annotation, below their limit of 256 KiB, with a signature too; one that is too large to go beside the migrations has a ConfigMap of its own.',
  ],
  arguments: [{ name: '<name>', about: 'beginning of the names, such as truledgr-migrations' }],
  options: [
    { flags: '-n, --namespace <name>', about: 'namespace to write into the manifests (default: none)' },
    { flags: '--max-bytes <count>', about: 'most compressed bytes of a ConfigMap (default: 180000; at most 1000000)' },
    {
      flags: '--key <file>',
      about: 'sign the migrations with this ed25519 key (PEM or OpenSSH, without a passphrase)',
    },
  ],
  examples: [
    { line: 'migrate bundle truledgr-migrations > migrations.yaml', about: 'to be committed beside the resource' },
    { line: 'migrate bundle truledgr-migrations --key release.key | kubectl apply -f -', about: 'signed' },
  ],
  takes: ['Files'],
  async run(invocation) {
    const { bundleFolder } = await import('../bundling.ts');
    const { terminal, settings, options } = invocation;
    const { manifests, names } = await bundleFolder(settings, {
      name: invocation.arguments[0] ?? '',
      namespace: options.text('namespace'),
      maxBytes: options.integer('maxBytes', 1_000) ?? 180_000,
      keyFile: options.text('key'),
    });
    terminal.print(manifests.trimEnd());
    terminal.say(terminal.noted('dim', `configMapRefs: [${names.map(name => `{name: ${name}}`).join(', ')}]`));
    return 0;
  },
};
