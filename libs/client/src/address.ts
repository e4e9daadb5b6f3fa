/** What a request's address is made of. Values of path parameters are encoded, so that none can leave its segment. */
export function routeAddress(
  baseUrl: string,
  path: string,
  params: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, unknown>> = {},
): string {
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || value === '') throw new RangeError(`the route ${path} needs the parameter ${name}`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.append(name, String(value));
  }
  const tail = search.size === 0 ? '' : `?${search}`;
  return `${baseUrl.replace(/\/+$/, '')}${filled}${tail}`;
}
