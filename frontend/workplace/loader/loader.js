/* Streamlit loads this file by itself, and it never changes; the workplace's own files carry their hash. */
export default async function mount(component) {
  const workplace = await import(`${component.data.base}/workplace.js`);
  await workplace.styled;
  return workplace.mount(component);
}
