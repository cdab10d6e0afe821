#include "schema/actor.h"

#include "schema/credentials.h"

#include <nlohmann/json.hpp>

#include <cstring>

namespace cpm::schema {

namespace {

std::int64_t random_session() {
  std::int64_t number = 0;
  while (number == 0) {
    const std::string octets = random_octets(sizeof number);
    std::memcpy(&number, octets.data(), sizeof number);
    number &= 0x7fffffffffffffff;
  }
  return number;
}

// jsonb takes neither NUL nor what is not UTF-8: both are what a stranger may say of themself.
std::string clean(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c != '\0') out += c;
  }
  return out;
}

}  // namespace

ActorRef make_actor(const ActorFacts& facts, bool recorded, bool keeps_removed) {
  auto actor = std::make_shared<Actor>();
  actor->keeps_removed = keeps_removed;
  actor->made = std::chrono::steady_clock::now();
  if (!recorded) return actor;
  actor->session = random_session();
  actor->known = "{\"s\": " + std::to_string(actor->session) + "}";
  const nlohmann::json all = {{"s", actor->session},
                              {"program", facts.program},
                              {"actor", clean(facts.actor)},
                              {"acted_for", clean(facts.acted_for)},
                              {"client", clean(facts.client)},
                              {"peer", facts.peer},
                              {"node", facts.node},
                              {"session", facts.session}};
  actor->full = all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return actor;
}

ActorRef known_to(const ActorRef& actor, AccountId home) {
  if (!actor) return actor;
  auto known = std::make_shared<Actor>(*actor);
  known->home = home;
  return known;
}

std::optional<std::string> by(const ActorRef& actor, AccountId account) {
  if (!actor || actor->session == 0) return std::nullopt;
  return account == actor->home && actor->home ? actor->known : actor->full;
}

}  // namespace cpm::schema
