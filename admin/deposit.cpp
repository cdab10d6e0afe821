// cpmctl deposit: stores a conversation over IMAP as a Participating Function does, with the depositor's kit in
// admin/deposit.
#include "admin/cli.h"
#include "admin/deposit/conversation_reader.h"
#include "admin/deposit/depositor.h"
#include "admin/deposit/object_builder.h"
#include "admin/deposit/text.h"
#include "admin/live_server.h"
#include "admin/message_verbs.h"
#include "admin/password.h"
#include "admin/size.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

namespace cpm::admin {

namespace {

namespace kit = deposit;
using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kImapsPort = 993, kImapPort = 143;
constexpr std::chrono::seconds kIdle{60};  // after which the connection may be gone; not longer than --timeout
constexpr std::size_t kBatch = 100;
constexpr int kAttempts = 4;                      // to connect again with --once
constexpr std::chrono::milliseconds kPause{500};  // before the first; longer before each of the others

struct Options {
  std::string server, authorities, service, address, file, password_file;
  bool plain = false, starttls = false, insecure = false, password_stdin = false;
  bool once = false, dry_run = false;
  kit::BuildOptions build;
  std::size_t batch = 0, from_line = 1;
  std::uint32_t timeout = 60;
};

bool from_stdin(const Options& options) { return options.file == "-"; }

std::string count_of(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " object" : " objects"); }

// A conversation being read: a file, or standard input.
class Input {
 public:
  static Result<std::unique_ptr<Input>> open(Context& context, const Options& options) {
    std::unique_ptr<Input> input(new Input);
    std::istream* in = &context.io.in;
    std::string folder;
    if (!from_stdin(options)) {
      std::error_code error;
      if (!std::filesystem::is_regular_file(options.file, error)) {
        return fail(Failure::not_found, "there is no file " + options.file);
      }
      input->file_.open(options.file, std::ios::binary);
      if (!input->file_) return fail(Failure::denied, options.file + " cannot be read");
      in = &input->file_;
      folder = std::filesystem::path(options.file).parent_path().string();
    }
    input->reader_.emplace(*in, folder);
    input->reader_->skip_to(options.from_line);
    return Result<std::unique_ptr<Input>>(boost::system::in_place_value, std::move(input));
  }

  Result<std::optional<kit::Object>> next(const kit::BuildOptions& build) {
    CPM_TRY(facts, reader_->next());
    if (!facts) return std::optional<kit::Object>();
    CPM_TRY(object, kit::build_object(*facts, build));
    return std::optional(std::move(object));
  }

 private:
  Input() = default;
  std::ifstream file_;
  std::optional<kit::ConversationReader> reader_;
};

// --- the dry run

std::string words(const std::vector<std::string>& flags) {
  std::string text;
  for (const std::string& flag : flags) text += (text.empty() ? "" : " ") + flag;
  return text;
}

// One line of JSON; the octets in base64, which is written while they are read.
Result<void> print_object_json(std::ostream& out, const kit::Object& object) {
  const Json facts = {{"line", object.line},
                      {"mailbox", object.mailbox},
                      {"flags", object.flags},
                      {"date", object.date.internal_date()},
                      {"size", object.size()}};
  const std::string text = facts.dump();
  out << text.substr(0, text.size() - 1) << ",\"octets_base64\":\"";
  std::string left;
  CPM_CHECK(kit::write_object(object, [&](std::string_view octets) -> Result<void> {
    left += octets;
    const std::size_t whole = left.size() - left.size() % 3;
    out << kit::base64(std::string_view(left).substr(0, whole));
    left.erase(0, whole);
    return {};
  }));
  out << kit::base64(left) << "\"}\n";
  return {};
}

Result<void> print_object(Context& context, const kit::Object& object) {
  std::ostream& out = context.io.out;
  if (context.json) return print_object_json(out, object);
  out << "=== line " << object.line << ": " << printable(object.mailbox) << " (" << printable(words(object.flags))
      << ") " << object.date.internal_date() << ", " << object.size() << " octets\n";
  CPM_CHECK(kit::write_object(object, [&](std::string_view octets) -> Result<void> {
    out << octets;
    return {};
  }));
  out << '\n';
  return {};
}

Result<void> dry_run(Context& context, const Options& options) {
  CPM_TRY(input, Input::open(context, options));
  for (;;) {
    CPM_TRY(object, input->next(options.build));
    if (!object) return {};
    CPM_CHECK(print_object(context, *object));
  }
}

// --- the server

Result<kit::ServerAddress> named_server(const Options& options) {
  kit::ServerAddress server;
  server.security = options.plain      ? kit::Security::plain
                    : options.starttls ? kit::Security::starttls
                                       : kit::Security::tls;
  auto endpoint = parse_endpoint(options.server);
  if (!endpoint) {
    endpoint = parse_endpoint(options.server + ":" +
                              std::to_string(server.security == kit::Security::tls ? kImapsPort : kImapPort));
  }
  if (!endpoint || endpoint->host.empty() || endpoint->host == "*" || endpoint->port == 0) {
    return fail(Failure::invalid, "\"" + options.server + "\" is not a server as store.example.net:993");
  }
  server.host = endpoint->host;
  server.port = endpoint->port;
  return server;
}

// The server that runs on --data: over TLS, and it must show the certificate of that data directory.
Result<kit::ServerAddress> running_server(Context& context, const Options& options) {
  CPM_TRY(config, context.config());
  CPM_TRY(running, context.run_file());
  kit::ServerAddress server;
  server.security = options.plain ? kit::Security::plain : kit::Security::tls;
  auto endpoint = options.plain || options.starttls ? std::nullopt : parse_endpoint(running.imaps);
  if (!endpoint) {
    if (!options.plain) server.security = kit::Security::starttls;
    endpoint = parse_endpoint(running.imap);
  }
  if (!endpoint) {
    return fail(Failure::unavailable,
                "the server on " + config->data + " does not listen for that\nSee imap.listen and imaps.listen");
  }
  endpoint = reachable(*endpoint);
  server.host = endpoint->host;
  server.port = endpoint->port;
  server.pinned = !config->tls.certificate.empty()
                      ? config->tls.certificate
                      : (std::filesystem::path(config->data) / "tls" / "certificate.pem").string();
  return server;
}

Result<kit::ServerAddress> find_server(Context& context, const Options& options) {
  auto server = options.server.empty() ? running_server(context, options) : named_server(options);
  if (!server) return server.error();
  if (!options.authorities.empty()) {
    server->authorities = options.authorities;
    server->pinned.clear();
  }
  server->trust_anyone = options.insecure;
  if (options.insecure) server->pinned.clear();
  server->patience = std::chrono::seconds(options.timeout);
  return server;
}

Result<kit::Credentials> find_credentials(Context& context, const Options& options) {
  kit::Credentials who;
  who.name = options.service.empty() ? options.address : options.service;
  if (!options.service.empty()) who.act_for = options.address;
  if (!options.password_file.empty()) {
    std::ifstream file(options.password_file);
    if (!file) return fail(Failure::not_found, options.password_file + " cannot be read");
    std::getline(file, who.password);
    if (who.password.ends_with('\r')) who.password.pop_back();
    if (who.password.empty()) return fail(Failure::invalid, options.password_file + " begins with an empty line");
  } else {
    CPM_TRY(password, read_password(context, options.password_stdin, who.name));
    who.password = password;
  }
  const bool zero = (who.name + who.act_for + who.password).find('\0') != std::string::npos;
  if (zero) return fail(Failure::invalid, "a name or a password holds a zero octet");
  return who;
}

// What to do about a failed login.
Error login_hint(Error error, const Options& options) {
  if (error.failure == Failure::auth_failed)
    return with_hint(std::move(error), "Is the password right? See: cpmctl service list");
  if (error.failure == Failure::authz_failed) {
    return with_hint(std::move(error),
                     "See for whom the service may act: cpmctl service list, and who is there: cpmctl user list");
  }
  if (error.failure == Failure::denied && options.server.empty()) {
    return with_hint(std::move(error), "Was the certificate replaced? The server reads it again on SIGHUP");
  }
  if (error.failure == Failure::denied) {
    return with_hint(std::move(error), "Name the authority with --ca FILE, or accept any certificate with --insecure");
  }
  return error;
}

// --- the deposit

class Deposit {
 public:
  Deposit(Context& context, const Options& options)
      : context_(context), options_(options), progress_(context, "stored") {}

  Result<void> run() {
    auto who = find_credentials(context_, options_);
    if (!who) return who.error();
    credentials_ = *who;
    // A mistake in the last line is found before the first is stored.
    if (!from_stdin(options_)) CPM_CHECK(check_all());
    CPM_TRY(server, find_server(context_, options_));
    server_ = server;
    CPM_CHECK(log_in());
    kit::DepositSettings settings;
    settings.batch = options_.batch != 0 ? options_.batch : from_stdin(options_) ? 1 : kBatch;
    settings.once = options_.once;
    kit::Depositor depositor(*client_, settings,
                             [this](auto objects, const auto& appended) { told(objects, appended); });
    const Result<void> done = store(depositor);
    progress_.clear();
    if (client_->usable()) client_->log_out();
    return report(depositor, done);
  }

 private:
  Result<void> check_all() {
    CPM_TRY(input, Input::open(context_, options_));
    for (;;) {
      auto object = input->next(options_.build);
      if (!object) return with_hint(object.error(), "Nothing was stored");
      if (!*object) return {};
      ++total_;
    }
  }

  Result<void> log_in() {
    auto client = kit::ImapClient::log_in(server_, credentials_);
    if (!client) return login_hint(client.error(), options_);
    if (options_.once) CPM_CHECK(client->enable_once());
    if (client_) {
      *client_ = std::move(*client);
    } else {
      client_ = std::make_unique<kit::ImapClient>(std::move(*client));
    }
    used_ = Clock::now();
    return {};
  }

  // A conversation that grows may be silent for longer than the server waits.
  Result<void> make_sure() {
    const auto idle = std::min(kIdle, std::chrono::seconds(options_.timeout));
    if (Clock::now() - used_ < idle || client_->alive()) return {};
    return log_in();
  }

  Result<void> store(kit::Depositor& depositor) {
    CPM_TRY(input, Input::open(context_, options_));
    for (;;) {
      auto object = input->next(options_.build);
      if (!object) {
        CPM_CHECK(patiently(depositor, depositor.flush()));  // what was right before it
        return object.error();
      }
      if (!*object) return patiently(depositor, depositor.flush());
      if (from_stdin(options_)) CPM_CHECK(make_sure());
      CPM_CHECK(patiently(depositor, depositor.add(std::move(**object))));
      used_ = Clock::now();
    }
  }

  // With --once a broken connection is made again and the batch repeated: what was stored of it is found.
  Result<void> patiently(kit::Depositor& depositor, Result<void> done) {
    for (int attempt = 1; !done && options_.once && !client_->usable() && attempt <= kAttempts; ++attempt) {
      if (!may_pass(done.error().failure)) break;
      std::this_thread::sleep_for(kPause * attempt);
      const auto again = log_in();
      if (again) {
        done = depositor.repeat();
      } else if (!may_pass(again.error().failure)) {
        break;
      }
    }
    return done;
  }

  static bool may_pass(Failure failure) {
    return failure == Failure::in_doubt || failure == Failure::unavailable || failure == Failure::timeout;
  }

  // What was stored just now.
  void told(std::span<const kit::Object> objects, const kit::Appended& appended) {
    stored_ += objects.size();
    if (!from_stdin(options_)) return progress_.show(stored_, stored_, total_);
    for (std::size_t i = 0; i < objects.size(); ++i) {
      const std::uint32_t uid = i < appended.uids.size() ? appended.uids[i] : 0;
      if (context_.json) {
        const Json facts = {{"line", objects[i].line},
                            {"mailbox", objects[i].mailbox},
                            {"uidvalidity", appended.uidvalidity},
                            {"uid", uid}};
        context_.io.out << facts.dump() << std::endl;
      } else {
        context_.io.out << "line " << objects[i].line << ": " << printable(objects[i].mailbox) << " UID " << uid
                        << std::endl;
      }
    }
  }

  Result<void> report(const kit::Depositor& depositor, const Result<void>& done) {
    const kit::DepositSummary& summary = depositor.summary();
    if (context_.json) {
      print_summary_json(summary, depositor);
    } else {
      print_summary(summary);
    }
    if (done) return {};
    return with_hint(done.error(), how_to_go_on(depositor, done.error()));
  }

  void print_summary(const kit::DepositSummary& summary) {
    std::ostream& out = context_.io.out;
    if (summary.stored == 0) {
      out << "stored nothing\n";
      return;
    }
    out << "stored " << count_of(summary.stored) << " (" << size_text(summary.octets) << ") for " << options_.address;
    if (summary.existing != 0) out << "; " << summary.existing << " of them were there already";
    out << '\n';
    Table table({"MAILBOX", ">OBJECTS", "UID", ""});
    for (const auto& [mailbox, facts] : summary.mailboxes) {
      table.add(
          {printable(mailbox), std::to_string(facts.objects), facts.uids.to_string(), facts.created ? "new" : ""});
    }
    table.print(out);
  }

  void print_summary_json(const kit::DepositSummary& summary, const kit::Depositor& depositor) {
    Json mailboxes = Json::array();
    for (const auto& [mailbox, facts] : summary.mailboxes) {
      mailboxes.push_back({{"mailbox", mailbox},
                           {"uidvalidity", facts.uidvalidity},
                           {"objects", facts.objects},
                           {"uids", facts.uids.to_string()},
                           {"created", facts.created}});
    }
    const Json all = {{"stored", summary.stored},       {"octets", summary.octets}, {"existing", summary.existing},
                      {"last_line", summary.last_line}, {"mailboxes", mailboxes},   {"in_doubt", depositor.in_doubt()}};
    if (from_stdin(options_)) {
      context_.io.out << all.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
    } else {
      print_json(context_.io.out, all);
    }
  }

  std::string how_to_go_on(const kit::Depositor& depositor, const Error& error) const {
    const std::size_t last = depositor.summary().last_line;
    const std::string before = last == 0
                                   ? "Nothing was stored"
                                   : "All up to line " + std::to_string(last) + " is stored, and nothing behind it";
    const std::string again = std::to_string(depositor.failed_line() != 0 ? depositor.failed_line() : last + 1);
    if (!depositor.in_doubt().empty()) {
      return (last == 0 ? std::string() : "All up to line " + std::to_string(last) + " is stored. ") +
             "Whether lines " + std::to_string(depositor.in_doubt().front()) + " to " +
             std::to_string(depositor.in_doubt().back()) +
             " were stored is not known: look with cpmctl message list, then go on with --from-line; "
             "with --once it is safe to repeat from line " +
             again;
    }
    if (error.failure == Failure::over_quota) {
      return before + "\nMake room (cpmctl quota set " + options_.address + "), then go on with --from-line " + again;
    }
    return before + ". When that is put right, go on with --from-line " + again;
  }

  Context& context_;
  const Options& options_;
  Progress progress_;
  kit::Credentials credentials_;
  kit::ServerAddress server_;
  std::unique_ptr<kit::ImapClient> client_;
  Clock::time_point used_{};
  std::uint64_t total_ = 0, stored_ = 0;
};

Result<void> deposit_conversation(Context& context, const Options& options) {
  if (options.dry_run) return dry_run(context, options);
  if (options.address.empty()) {
    return fail(Failure::invalid, "for whom? Name any address of the user: --for alice@example.net");
  }
  return Deposit(context, options).run();
}

void add_server_options(CLI::App& verb, Options& options) {
  verb.add_option("--server", options.server, "HOST:PORT of the IMAP server; default: the one that runs on --data")
      ->type_name("SERVER");
  verb.add_flag("--starttls", options.starttls, "start TLS on the plain port instead of TLS from the first octet");
  verb.add_flag("--plain", options.plain, "no TLS: the password crosses the network in the clear")
      ->excludes("--starttls");
  verb.add_option("--ca", options.authorities,
                  "authorities that may have signed the server's certificate, in PEM; default: those of the system")
      ->type_name("FILE");
  verb.add_flag("--insecure", options.insecure, "accept any certificate")->excludes("--ca");
  verb.add_option("--timeout", options.timeout, "how long the server may be silent; default: 60")
      ->type_name("SECONDS")
      ->check(CLI::Range(1U, 86400U).description("SECONDS"));
  verb.add_option("--as", options.service, "the service identity that acts for the user; default: the user itself")
      ->type_name("SERVICE");
  verb.add_flag("--password-stdin", options.password_stdin, "the password is the first line of standard input");
  verb.add_option("--password-file", options.password_file, "the password is the first line of this file")
      ->type_name("PATH")
      ->excludes("--password-stdin");
}

}  // namespace

void add_deposit(CLI::App& root, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App& verb =
      add_verb(root, "deposit",
               "store a conversation over IMAP as a Participating Function does: JSON lines, see docs/deposit.md",
               {"deposit --as recorder --password-file secret --for alice@example.net conversation.jsonl",
                "deposit --server store.example.net:993 --as recorder --password-stdin --for tel:+15550100 "
                "conversation.jsonl --once",
                "deposit --dry-run conversation.jsonl",
                "deposit --as recorder --password-file secret --for alice@example.net - --json"});
  verb.add_option("file", options->file,
                  "the conversation, or - for standard input, of which each line is stored at once")
      ->required()
      ->type_name("PATH");
  verb.add_option("--for", options->address, "any address of the user whose store it is")->type_name("ADDRESS");
  add_server_options(verb, *options);
  verb.add_option("--generation", options->build.generation,
                  "of objects that do not say: 1 (RCS 5.1) or 2 (RCS 6.0); default: 2")
      ->check(CLI::IsMember({1, 2}))
      ->type_name("N");
  verb.add_option("--root", options->build.root, "below which conversations live; default: Default")
      ->type_name("MAILBOX");
  verb.add_flag("--once", options->once, "what is there already is not stored again; the server must offer X-CPM-ONCE");
  verb.add_flag("--dry-run", options->dry_run, "print the objects and store nothing");
  verb.add_option("--batch", options->batch, "objects stored together; default: 100, from standard input 1")
      ->type_name("N")
      ->check(CLI::Range(1U, 1000U).description("N"));
  verb.add_option("--from-line", options->from_line, "begin with this line of the conversation")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 40U).description("N"));
  on_run<Options>(verb, context, options, deposit_conversation);
}

}  // namespace cpm::admin
