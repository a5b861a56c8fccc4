// The interface for people: its OpenAPI description, laid out.

const home = document.getElementById("docs");

function make(tag, text, ...children) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

function row(cell, ...texts) {
  return make("tr", "", ...texts.map((text) => make(cell, text)));
}

// What a schema is called.
function named(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.oneOf || schema.anyOf) return (schema.oneOf || schema.anyOf).map(named).filter(Boolean).join(" or ");
  if (schema.enum) return schema.enum.join(", ");
  const type = [].concat(schema.type || "any").join(" or ");
  if (schema.items) return `list of ${named(schema.items)}`;
  return schema.format ? `${type} (${schema.format})` : type;
}

function parameters(operation) {
  const list = operation.parameters || [];
  if (list.length === 0) return [];
  const rows = list.map((one) => row("td", one.name, one.in, named(one.schema), one.description || ""));
  return [make("table", "", make("thead", "", row("th", "name", "in", "type", "")), make("tbody", "", ...rows))];
}

function contents(title, content) {
  const kinds = Object.entries(content || {});
  return kinds.map(([kind, of]) => make("p", `${title}: ${kind}${of.schema ? ` (${named(of.schema)})` : ""}`));
}

function operation(path, method, what) {
  const head = make("h3", "", Object.assign(make("span", method), { className: "method" }), make("code", `/api/v1${path}`));
  const article = make("article", "", head, make("p", [what.summary, what.description].filter(Boolean).join(" ")));
  article.append(...parameters(what));
  article.append(...contents("Body", what.requestBody && what.requestBody.content));
  const answers = Object.entries(what.responses || {}).map(([status, answer]) => {
    const kinds = Object.entries(answer.content || {});
    const said = kinds.map(([kind, of]) => `${kind}${of.schema ? ` (${named(of.schema)})` : ""}`).join(", ");
    return row("td", status, said || answer.description || "");
  });
  article.append(make("table", "", make("thead", "", row("th", "status", "answer")), make("tbody", "", ...answers)));
  return article;
}

function schema(name, what) {
  const properties = Object.entries(what.properties || {});
  const rows = properties.map(([field, of]) =>
    row("td", field + ((what.required || []).includes(field) ? "" : " (may be missing)"), named(of), of.description || ""));
  const body = rows.length > 0
    ? make("table", "", make("tbody", "", ...rows))
    : make("p", named(what));
  return make("details", "", make("summary", name), make("p", what.description || ""), body);
}

async function start() {
  const answer = await fetch("api/v1/openapi.json");
  if (!answer.ok) throw new Error(`the description could not be read: status ${answer.status}`);
  const api = await answer.json();
  const parts = [make("p", api.info.description)];
  for (const tag of api.tags || []) {
    parts.push(make("h2", tag.name), make("p", tag.description || ""));
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, what] of Object.entries(methods)) {
        if ((what.tags || []).includes(tag.name)) parts.push(operation(path, method, what));
      }
    }
  }
  parts.push(make("h2", "objects"));
  for (const [name, what] of Object.entries(api.components.schemas)) parts.push(schema(name, what));
  home.replaceChildren(...parts);
}

start().catch((error) => home.replaceChildren(make("p", String(error.message || error))));
