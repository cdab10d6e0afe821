#include "admin/context.h"

#include "schema/accounts.h"
#include "schema/migrate.h"

#include <nlohmann/json.hpp>

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace cpm::admin {

namespace {

std::string text_member(const nlohmann::json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

Result<const Config*> Context::config() {
  if (!config_) {
    auto loaded = load_config(sources);
    if (!loaded) return loaded.error();
    config_ = std::move(*loaded);
  }
  return &*config_;
}

Result<Context::RunFile> Context::run_file() {
  CPM_TRY(settings, config());
  if (settings->data.empty()) {
    return fail(Failure::invalid,
                "no store was named\nSay which one: --data DIR, --config FILE, or CPMSTORE_DATA in the environment");
  }
  const std::string path = (std::filesystem::path(settings->data) / "run.json").string();
  errno = 0;
  std::ifstream file(path);
  if (!file && errno == EACCES) {
    return fail(Failure::denied,
                path + " may only be read by the user that the server runs as\nRun cpmctl as that user, or as root");
  }
  if (!file) {
    return fail(Failure::unavailable, "no server is running on " + settings->data + " (" + path +
                                          " cannot be read)\nStart it: cpmstored --data " + settings->data);
  }
  const auto object = nlohmann::json::parse(file, nullptr, false);
  if (!object.is_object()) return fail(Failure::unavailable, path + " is not readable as JSON; restart cpmstored");
  return RunFile{text_member(object, "database"), text_member(object, "http"), text_member(object, "imap"),
                 text_member(object, "imaps")};
}

Result<schema::Database*> Context::database() {
  if (database_) return database_.get();
  CPM_TRY(settings, config());
  std::string url = settings->database.url;
  if (url.empty()) {
    CPM_TRY(running, run_file());
    if (running.database.empty()) {
      return fail(Failure::unavailable,
                  "the server on " + settings->data + " does not say where its database is; restart cpmstored");
    }
    url = running.database;
  }
  database_ = std::make_unique<schema::Database>(schema::DatabaseSettings{url, 1, settings->database.prepare, 16});
  return database_.get();
}

Result<schema::Database*> Context::store() {
  CPM_TRY(opened, database());
  if (!schema_checked_) {
    const auto found = schema::schema_state(*opened);
    if (!found) {
      if (found.error().failure != Failure::unavailable || !(*config())->database.url.empty()) return found.error();
      const std::string& data = (*config())->data;
      return fail(
          Failure::unavailable,
          "the embedded database in " + data + " does not answer\nIs the server running? cpmstored --data " + data,
          found.error().detail);
    }
    const schema::SchemaState& state = *found;
    if (state.applied > state.known) {
      return fail(Failure::unsupported, "the database has schema version " + std::to_string(state.applied) +
                                            ", newer than this program (" + std::to_string(state.known) +
                                            ")\nUse the cpmctl that belongs to the running cpmstored");
    }
    if (state.applied < state.known) {
      return fail(Failure::unsupported,
                  "the database has schema version " + std::to_string(state.applied) + ", but " +
                      std::to_string(state.known) +
                      " is needed\nBring it up to date: cpmctl db migrate (cpmstored does it at start)");
    }
    schema_checked_ = true;
  }
  return opened;
}

schema::ActorRef Context::actor() {
  if (actor_) return actor_;
  const auto settings = config();
  if (!settings) return nullptr;
  std::string user;
  if (const char* name = std::getenv("SUDO_USER")) user = name;  // whoever became root says so
  if (user.empty()) {
    const passwd* entry = ::getpwuid(::getuid());
    user = entry != nullptr ? entry->pw_name : std::to_string(::getuid());
  }
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  actor_ =
      schema::make_actor({"cpmctl", user, "", "", "", std::string(host.data()) + ":" + std::to_string(::getpid()), ""},
                         (*settings)->audit.keep.count() > 0, (*settings)->undelete_keep.count() > 0);
  return actor_;
}

void Context::note(schema::Transaction& tx, schema::AuditCommand command, AccountId account,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> detail) {
  schema::AuditEntry entry;
  entry.command = command;
  entry.account = account;
  if (detail.size() > 0) entry.detail = schema::audit_detail(detail);
  schema::record(tx, actor(), entry);
}

void Context::note(schema::Transaction& tx, schema::AuditCommand command, std::string_view address,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> detail) {
  if (const auto account = schema::find_account(tx, address)) note(tx, command, account->id, detail);
}

Result<schema::Principal> Context::principal(const std::string& address) {
  auto account = run([&](schema::Transaction& tx) { return schema::find_account(tx, address); });
  if (!account) return account.error();
  return schema::Principal{account->id, account->address, "cpmctl", schema::Role::admin, actor()};
}

std::string canonical_path(std::string_view mailbox) {
  std::string path(mailbox);
  std::string first = path.substr(0, path.find('/'));
  std::transform(first.begin(), first.end(), first.begin(), [](unsigned char c) { return std::toupper(c); });
  if (first == "INBOX") path.replace(0, first.size(), first);
  return path;
}

}  // namespace cpm::admin
