// cpmctl push: who is told of events, what waits, and dead letters.
#include "admin/cli.h"
#include "admin/output.h"
#include "base/http_url.h"
#include "schema/accounts.h"
#include "schema/change_feed.h"
#include "schema/credentials.h"
#include "schema/outbox.h"

#include <algorithm>
#include <iostream>
#include <thread>

namespace cpm::admin {

namespace {

using schema::DeadEvent;
using schema::PushSink;
using schema::PushSubscription;
using schema::Transaction;

constexpr MailboxId kAnnotations{-1};  // imap/session/change_hub.h: nodes look who is to be told
constexpr std::size_t kSecretOctets = 24;
constexpr std::size_t kShownQueues = 100;

struct Options {
  std::string address, service, device;
  std::string webhook, pap, secret, target, mailbox, events, kinds;
  std::uint32_t digest = 0;
  bool is_unsigned = false, secret_stdin = false;
  std::size_t count = 100;
  std::uint32_t wait = 15;
};

// Whose subscriptions: of an account, or of a service.
struct Owner {
  AccountId account;
  std::string service;
  std::string name;
};

Result<void> service_exists(Transaction& tx, const std::string& name) {
  CPM_TRY(rows, schema::list_services(tx));
  const bool known = std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  if (!known) {
    return fail(Failure::not_found,
                "there is no service \"" + printable(name) + "\"\nSee which there are: cpmctl service list");
  }
  return {};
}

Result<Owner> find_owner(Transaction& tx, const Options& options) {
  if (!options.service.empty()) {
    CPM_CHECK(service_exists(tx, options.service));
    return Owner{AccountId{}, options.service, "the service " + options.service};
  }
  CPM_TRY(row, schema::find_account(tx, options.address));
  return Owner{row.id, {}, row.address};
}

Result<void> one_of_both(const Options& options) {
  if (options.address.empty() == options.service.empty()) {
    return fail(Failure::invalid, "name either the ADDRESS of a user or --service NAME");
  }
  return {};
}

const char* sink_name(PushSink sink) { return sink == PushSink::pap ? "pap" : "webhook"; }

Json text_json(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

Json to_json(const PushSubscription& one) {
  return {{"service", one.service.empty() ? Json(nullptr) : Json(one.service)},
          {"device", one.device},
          {"sink", sink_name(one.sink)},
          {"url", one.url},
          {"events", schema::push_events_text(one.events)},
          {"signed", one.secret.has_value()},
          {"target", text_json(one.target)},
          {"mailbox", text_json(one.mailbox)},
          {"kinds", one.kinds.empty() ? Json(nullptr) : Json(schema::object_kinds_text(one.kinds))},
          {"digest_seconds", one.digest.count()},
          {"made_by", one.by_user ? "user" : "provider"}};
}

// Nodes that run hear of it; others read it when they start.
void announce(Context& context, AccountId account) {
  [[maybe_unused]] const auto told = context.run([&](Transaction& tx) -> Result<void> {
    schema::announce(tx, account, kAnnotations);
    return {};
  });
}

Result<std::optional<std::string>> secret_from(Context& context, const Options& options) {
  if (!options.secret.empty()) return std::optional(options.secret);
  if (options.secret_stdin) {
    std::string line;
    if (!std::getline(context.io.in, line) || line.empty())
      return fail(Failure::invalid, "there is no secret on standard input");
    return std::optional(line);
  }
  if (options.is_unsigned) return std::optional<std::string>();
  std::string out;
  for (const unsigned char octet : schema::random_octets(kSecretOctets)) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[octet >> 4U];
    out += kDigits[octet & 15U];
  }
  return std::optional(out);
}

Result<void> add(Context& context, const Options& options) {
  CPM_CHECK(one_of_both(options));
  if (options.webhook.empty() == options.pap.empty())
    return fail(Failure::invalid, "name either --webhook URL or --pap URL");
  PushSubscription wanted;
  wanted.device = options.device;
  wanted.sink = options.pap.empty() ? PushSink::webhook : PushSink::pap;
  wanted.url = options.pap.empty() ? options.webhook : options.pap;
  wanted.digest = std::chrono::seconds(options.digest);
  if (!options.target.empty()) wanted.target = options.target;
  if (!options.mailbox.empty()) wanted.mailbox = canonical_path(options.mailbox);
  if (!options.events.empty()) {
    CPM_TRY(events, schema::parse_push_events(options.events));
    wanted.events = events;
  }
  if (!options.kinds.empty()) {
    CPM_TRY(kinds, schema::parse_object_kinds(options.kinds));
    wanted.kinds = std::move(kinds);
  }
  CPM_CHECK(context.store());
  CPM_TRY(config, context.config());
  if (wanted.sink == PushSink::webhook) {
    CPM_TRY(secret, secret_from(context, options));
    wanted.secret = secret;
  } else if (!options.secret.empty() || options.secret_stdin) {
    return fail(Failure::invalid, "a push proxy gateway knows no signature: no --secret with --pap");
  }
  auto owner = context.run([&](Transaction& tx) -> Result<Owner> {
    CPM_TRY(found, find_owner(tx, options));
    wanted.account = found.account;
    wanted.service = found.service;
    CPM_CHECK(schema::add_push(tx, wanted, config->limits));
    context.note(tx, schema::AuditCommand::push, found.account,
                 {{"what", "added"}, {"service", found.service}, {"device", wanted.device}});
    return found;
  });
  if (!owner) return hint_missing_user(owner.error());
  announce(context, owner->account);
  Json facts = {{"subscription", to_json(wanted)}};
  std::string sentence =
      wanted.device + " of " + owner->name + " is told of " + schema::push_events_text(wanted.events);
  if (wanted.secret && options.secret.empty() && !options.secret_stdin) {
    facts["secret"] = *wanted.secret;
    sentence += "\nThe secret that signs, shown this once: " + *wanted.secret;
  }
  print_done(context, sentence, facts);
  return {};
}

Result<void> list(Context& context, const Options& options) {
  if (!options.address.empty() && !options.service.empty()) return one_of_both(options);
  auto rows = context.run([&](Transaction& tx) -> Result<std::vector<PushSubscription>> {
    if (options.address.empty() && options.service.empty()) return schema::list_push(tx, AccountId{}, {});
    CPM_TRY(owner, find_owner(tx, options));
    return schema::list_push(tx, owner.account, owner.service);
  });
  if (!rows) return hint_missing_user(rows.error());
  Json all = Json::array();
  Table table({"DEVICE", "OF", "BY", "SINK", "URL", "EVENTS", "ONLY", ">DIGEST"});
  for (const PushSubscription& one : *rows) {
    all.push_back(to_json(one));
    std::string only = one.mailbox ? printable(*one.mailbox) : "";
    if (!one.kinds.empty()) only += (only.empty() ? "" : " ") + schema::object_kinds_text(one.kinds);
    table.add({one.device, one.service.empty() ? printable(options.address) : one.service,
               one.by_user ? "user" : "provider", sink_name(one.sink), one.url, schema::push_events_text(one.events),
               only.empty() ? "-" : only, one.digest.count() == 0 ? "-" : std::to_string(one.digest.count()) + "s"});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

Result<PushSubscription> find(Transaction& tx, const Options& options) {
  CPM_TRY(owner, find_owner(tx, options));
  auto found = schema::find_push(tx, owner.account, owner.service, options.device);
  if (!found) {
    return fail(Failure::not_found, owner.name + " has no device \"" + printable(options.device) +
                                        "\" that is told of events\nSee which there are: cpmctl push list");
  }
  return found;
}

Result<void> show(Context& context, const Options& options) {
  CPM_CHECK(one_of_both(options));
  auto one = context.run([&](Transaction& tx) { return find(tx, options); });
  if (!one) return hint_missing_user(one.error());
  const Json facts = to_json(*one);
  if (context.json) {
    print_json(context.io.out, facts);
    return {};
  }
  Table table({"KEY", "VALUE"});
  for (const auto& [key, value] : facts.items()) {
    table.add({key, value.is_null() ? "-" : value.is_string() ? printable(value.get<std::string>()) : value.dump()});
  }
  table.print(context.io.out);
  return {};
}

Result<void> remove(Context& context, const Options& options) {
  CPM_CHECK(one_of_both(options));
  auto one = context.run([&](Transaction& tx) -> Result<PushSubscription> {
    CPM_TRY(found, find(tx, options));
    if (found.by_user) {
      return fail(Failure::denied, "the user made it: it is removed over IMAP, or silenced by\n  cpmctl policy set " +
                                       printable(options.address) + " notify off");
    }
    CPM_CHECK(schema::remove_push(tx, found));
    context.note(tx, schema::AuditCommand::push, found.account,
                 {{"what", "removed"}, {"service", found.service}, {"device", found.device}});
    return found;
  });
  if (!one) return hint_missing_user(one.error());
  announce(context, one->account);
  print_done(context, one->device + " is told of nothing any more", {{"subscription", to_json(*one)}});
  return {};
}

// An event is put into the outbox and waited for: what is tried is the whole way.
Result<void> test(Context& context, const Options& options) {
  if (options.address.empty()) return fail(Failure::invalid, "name the ADDRESS of a user, with --service too");
  struct Sent {
    AccountId account;
    std::int64_t subscription = 0, event = 0;
  };
  auto sent = context.run([&](Transaction& tx) -> Result<Sent> {
    CPM_TRY(row, schema::find_account(tx, options.address));
    CPM_TRY(one, find(tx, options));
    CPM_TRY(event, schema::add_test_event(tx, one, row.id));
    return Sent{row.id, one.id, event};
  });
  if (!sent) return hint_missing_user(sent.error());
  announce(context, sent->account);
  schema::PushState state;
  const auto begun = std::chrono::steady_clock::now();
  const auto until = begun + std::chrono::seconds(options.wait);
  while (std::chrono::steady_clock::now() < until) {
    auto now = context.run(
        [&](Transaction& tx) { return schema::push_state(tx, sent->account, sent->subscription, sent->event); });
    if (!now) return now.error();
    state = *now;
    if (!state.waiting || !state.last_error.empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (!state.last_error.empty())
    return fail(Failure::unavailable, "the receiver did not take it: " + printable(state.last_error));
  if (state.waiting)
    return fail(Failure::unavailable, "nobody told it within " + std::to_string(options.wait) +
                                          " seconds: does a server run, with push.enabled?");
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  print_done(context, "the receiver took a test event after " + std::to_string(took.count()) + " ms",
             {{"milliseconds", took.count()}});
  return {};
}

Result<void> status(Context& context, const Options&) {
  struct Seen {
    std::vector<schema::PushBacklog> backlog;
    std::vector<schema::PushQueueRow> queues;
  };
  auto seen = context.run([](Transaction& tx) -> Result<Seen> {
    CPM_TRY(backlog, schema::push_backlog(tx));
    CPM_TRY(queues, schema::list_push_queues(tx, kShownQueues));
    return Seen{std::move(backlog), std::move(queues)};
  });
  if (!seen) return seen.error();
  Json sinks = Json::array();
  for (const auto& one : seen->backlog) {
    sinks.push_back({{"sink", sink_name(one.sink)},
                     {"queues", one.queues},
                     {"failing", one.failing},
                     {"oldest_seconds", one.oldest.count()}});
  }
  Json queues = Json::array();
  Table table({"ADDRESS", "SERVICE", "DEVICE", "MAILBOX", ">EVENTS", ">FAILED", "NEXT", "LAST ERROR"});
  for (const auto& one : seen->queues) {
    const auto due = std::chrono::ceil<std::chrono::seconds>(one.due).count();
    queues.push_back({{"address", one.address},
                      {"service", one.service},
                      {"device", one.device},
                      {"mailbox", one.mailbox},
                      {"events", one.events},
                      {"failed_attempts", one.attempts},
                      {"in_work", one.leased},
                      {"due_in_seconds", std::max<std::int64_t>(due, 0)},
                      {"last_error", one.last_error}});
    table.add({one.address, one.service, one.device, printable(one.mailbox), std::to_string(one.events),
               std::to_string(one.attempts),
               one.leased ? "now"
               : due <= 0 ? "due"
                          : std::to_string(due) + "s",
               printable(one.last_error)});
  }
  if (context.json) {
    print_json(context.io.out, {{"sinks", sinks}, {"queues", queues}});
  } else if (queues.empty()) {
    context.io.out << "nothing waits\n";
  } else {
    table.print(context.io.out);
  }
  return {};
}

Result<schema::DeadFilter> filter_from(Transaction& tx, const Options& options) {
  schema::DeadFilter filter{AccountId{}, options.service, options.device};
  if (!options.service.empty()) CPM_CHECK(service_exists(tx, options.service));
  if (!options.address.empty()) {
    CPM_TRY(row, schema::find_account(tx, options.address));
    filter.account = row.id;
  }
  return filter;
}

Result<void> dead_list(Context& context, const Options& options) {
  auto rows = context.run([&](Transaction& tx) -> Result<std::vector<DeadEvent>> {
    CPM_TRY(filter, filter_from(tx, options));
    return schema::list_dead(tx, filter, options.count);
  });
  if (!rows) return hint_missing_user(rows.error());
  Json all = Json::array();
  Table table({"DIED", "ADDRESS", "SERVICE", "DEVICE", "EVENT", ">FAILED", "REASON"});
  for (const DeadEvent& one : *rows) {
    all.push_back({{"died", time_text(one.died)},
                   {"address", one.address},
                   {"service", one.service},
                   {"device", one.device},
                   {"event", schema::push_event_name(one.event.event)},
                   {"failed_attempts", one.attempts},
                   {"reason", one.reason},
                   {"detail", Json::parse(one.event.detail, nullptr, false)}});
    table.add({time_text(one.died), one.address, one.service, one.device,
               std::string(schema::push_event_name(one.event.event)), std::to_string(one.attempts),
               printable(one.reason)});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else if (all.empty()) {
    context.io.out << "there are no dead letters\n";
  } else {
    table.print(context.io.out);
  }
  return {};
}

Result<void> dead_replay(Context& context, const Options& options) {
  std::uint64_t told = 0;
  for (bool more = true; more;) {
    auto some = context.run([&](Transaction& tx) -> Result<std::uint64_t> {
      CPM_TRY(filter, filter_from(tx, options));
      return schema::replay_dead(tx, filter, SIZE_MAX);
    });
    if (!some) return hint_missing_user(some.error());
    told += *some;
    more = *some > 0;
  }
  announce(context, AccountId{});
  print_done(context, std::to_string(told) + (told == 1 ? " event is" : " events are") + " told again",
             {{"events", told}});
  return {};
}

void owner_options(CLI::App& verb, Options& options) {
  verb.add_option("address", options.address, "any address of the user; not with --service")->type_name("ADDRESS");
  verb.add_option("--service", options.service, "a service, for all whom it may act for")->type_name("NAME");
}

void add_adder(CLI::App& noun, Context& context) {
  auto options = std::make_shared<Options>();
  options->device = "default";
  CLI::App& verb =
      add_verb(noun, "add", "tell a receiver of the events of a user, or of all whom a service acts for",
               {"push add alice@example.net --webhook https://push.example.net/in --events MessageNew,FlagsChange",
                "push add --service rcs-core --webhook https://rcs.example.net/events --events all",
                "push add alice@example.net --device phone --pap http://ppg.example.net/pap --digest 60"});
  owner_options(verb, *options);
  verb.add_option("--webhook", options->webhook, "receiver of JSON documents")->type_name("URL");
  verb.add_option("--pap", options->pap, "push proxy gateway (OMA Push)")->type_name("URL")->excludes("--webhook");
  verb.add_option("--device", options->device, "a name for it")->capture_default_str()->type_name("NAME");
  verb.add_option("--events", options->events,
                  "all, or some of " + schema::push_events_text(~0U) +
                      "; default: " + schema::push_events_text(schema::kUsualPushEvents))
      ->type_name("NAMES");
  verb.add_option("--mailbox", options->mailbox, "only of this mailbox and what is below")->type_name("MAILBOX");
  verb.add_option("--kind", options->kinds, "only of new messages of these kinds, as chat-message,file-transfer")
      ->type_name("KINDS");
  verb.add_option("--digest", options->digest, "collect events for so long; default: tell each at once")
      ->check(CLI::Range(0, 604'800))
      ->type_name("SECONDS");
  verb.add_option("--target", options->target,
                  "address of the device at the gateway; default: the user's first address")
      ->type_name("ADDRESS");
  verb.add_option("--secret", options->secret, "key that signs; default: a random one, which is shown")
      ->type_name("TEXT");
  verb.add_flag("--secret-stdin", options->secret_stdin, "take the first line of standard input as the secret")
      ->excludes("--secret");
  verb.add_flag("--unsigned", options->is_unsigned, "do not sign")->excludes("--secret")->excludes("--secret-stdin");
  on_run<Options>(verb, context, options, add);
}

}  // namespace

void add_push(CLI::App& root, Context& context) {
  CLI::App& noun =
      add_noun(root, "push", "who is told of events, what waits to be told, and what could not be told",
               {"push add alice@example.net --webhook https://push.example.net/in", "push status", "push dead list"});
  add_adder(noun, context);

  auto listed = std::make_shared<Options>();
  CLI::App& lister = add_verb(noun, "list", "who is told; without a name: all services",
                              {"push list alice@example.net", "push list --service rcs-core"});
  owner_options(lister, *listed);
  on_run<Options>(lister, context, listed, list);

  const auto one =
      [&](const char* name, const char* help, const std::vector<std::string>& examples,
          Result<void> (*function)(Context&, const Options&)) -> std::pair<CLI::App&, std::shared_ptr<Options>> {
    auto options = std::make_shared<Options>();
    options->device = "default";
    CLI::App& verb = add_verb(noun, name, help, examples);
    owner_options(verb, *options);
    verb.add_option("--device", options->device, "its name")->capture_default_str()->type_name("NAME");
    on_run<Options>(verb, context, options, function);
    return {verb, options};
  };
  one("show", "one receiver", {"push show alice@example.net --device phone"}, show);
  one("remove", "tell it nothing any more, nor what waits", {"push remove alice@example.net --device phone"}, remove);
  const auto [tester, tested] =
      one("test", "send a test event and wait for it to be taken",
          {"push test alice@example.net --device phone", "push test alice@example.net --service rcs-core"}, test);
  tester.add_option("--wait", tested->wait, "for so long")->capture_default_str()->type_name("SECONDS");

  on_run<Options>(add_verb(noun, "status", "what waits to be told, and why", {"push status", "push status --json"}),
                  context, std::make_shared<Options>(), status);

  CLI::App& dead = add_noun(noun, "dead", "events that could not be told", {"push dead list", "push dead replay"});
  const auto letters =
      [&](const char* name, const char* help, const std::vector<std::string>& examples,
          Result<void> (*function)(Context&, const Options&)) -> std::pair<CLI::App&, std::shared_ptr<Options>> {
    auto options = std::make_shared<Options>();
    CLI::App& verb = add_verb(dead, name, help, examples);
    verb.add_option("address", options->address, "any address of the user; default: all")->type_name("ADDRESS");
    verb.add_option("--service", options->service, "of what this service is told")->type_name("NAME");
    verb.add_option("--device", options->device, "of this receiver")->type_name("NAME");
    on_run<Options>(verb, context, options, function);
    return {verb, options};
  };
  const auto [dead_lister, dead_listed] =
      letters("list", "the latest first", {"push dead list --json", "push dead list alice@example.net"}, dead_list);
  dead_lister.add_option("--count", dead_listed->count, "at most so many")->capture_default_str()->type_name("N");
  letters("replay", "tell them again", {"push dead replay --service rcs-core"}, dead_replay);
}

}  // namespace cpm::admin
