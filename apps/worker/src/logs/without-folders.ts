/** Two names at least with a slash before each, as programs quote paths; a URL of a program's file likewise. */
const PATH = /(?:file:\/\/)?(?:\/[^\s/:'"()<>]+)+\/([^\s/:'"()<>]+)/g;

/** A text without the folders that it names: of a path its last name stays, which here is a hash or a program's file. */
export function withoutFolders(text: string): string {
  return text.replaceAll(PATH, '…/$1');
}
