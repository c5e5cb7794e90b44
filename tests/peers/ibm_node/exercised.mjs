// What of the SDK's gateway was called, and what there is to call.
import assert from "node:assert/strict";

// The methods of one resource, its ancestors' included.
function methodsOf(resource) {
  const methods = new Set();
  for (let type = Object.getPrototypeOf(resource); type !== Object.prototype; type = Object.getPrototypeOf(type)) {
    for (const name of Object.getOwnPropertyNames(type)) {
      if (name !== "constructor" && typeof resource[name] === "function") methods.add(name);
    }
  }
  return methods;
}

// Every resource below `holder` by its path: what knows the gateway as its `client`.
function* resourcesOf(gateway, holder = gateway, path = "") {
  for (const [name, value] of Object.entries(holder)) {
    if (value?.client === gateway) yield [path + name, value];
    else if (holder === gateway && Object.values(value ?? {}).some((inner) => inner?.client === gateway)) {
      yield* resourcesOf(gateway, value, `${path}${name}.`);
    }
  }
}

export class Exercised {
  #known = new Set();
  #called = new Set();

  // Notes every call of a method of `gateway`, and lets it through.
  watch(gateway) {
    for (const [path, resource] of resourcesOf(gateway)) {
      for (const name of methodsOf(resource)) {
        const method = resource[name];
        this.#known.add(`${path}.${name}`);
        resource[name] = (...given) => {
          this.#called.add(`${path}.${name}`);
          return method.apply(resource, given);
        };
      }
    }
    return gateway;
  }

  // Fails unless every method that there is was called.
  complete() {
    for (const sure of ["chat.completion.create", "completion.create", "models.list", "rateLimit.update"]) {
      assert.ok(this.#known.has(sure), `${sure} is not among ${[...this.#known]}`);
    }
    assert.deepEqual(
      [...this.#known].filter((method) => !this.#called.has(method)),
      [],
      "methods that nothing calls",
    );
  }
}
