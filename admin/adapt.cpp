// cpmctl adapt: what the running server's media workers do, what a worker makes of a file, and the results that are
// kept.
#include "adapt/adapter.h"
#include "admin/cli.h"
#include "admin/live_server.h"
#include "admin/size.h"
#include "schema/accounts.h"
#include "schema/conversions.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace cpm::admin {

namespace {

using schema::Transaction;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string file, type, address;
  bool all = false;
};

std::uint64_t number_of(const Json& row, const char* name) {
  const auto at = row.find(name);
  return at != row.end() && at->is_number() ? at->get<std::uint64_t>() : 0;
}

std::string milliseconds(double seconds) {
  const double ms = std::round(seconds * 10'000) / 10;
  std::string text = std::to_string(ms);
  return text.substr(0, text.find('.') + 2) + " ms";
}

Result<void> status(Context& context, const Options&) {
  CPM_TRY(server, LiveServer::find(context));
  CPM_TRY(rows, server.list("/admin/adapt", "adapt"));
  if (rows.empty()) return fail(Failure::internal, "the server does not say");
  const Json& all = rows.front();
  if (context.json) {
    print_json(context.io.out, all);
    return {};
  }
  if (!all.value("enabled", false)) {
    context.io.out << "no media worker: adapt.enabled is off, or its program is missing\n";
    return {};
  }
  const Json workers = all.value("workers", Json::object()), cache = all.value("cache", Json::object());
  std::size_t busy = 0, there = 0;
  for (const Json& one : workers.value("list", Json::array())) {
    ++there;
    if (one.value("busy", false)) ++busy;
  }
  context.io.out << "workers    " << there << ", " << busy << " busy, " << number_of(workers, "waiting") << " waiting\n"
                 << "tasks      " << number_of(workers, "tasks") << ", " << number_of(workers, "crashes")
                 << " crashes, " << number_of(workers, "timeouts") << " timed out, " << number_of(workers, "recycled")
                 << " workers replaced\n"
                 << "cache      " << number_of(cache, "hits") << " hits, " << number_of(cache, "misses") << " misses, "
                 << number_of(cache, "shared") << " shared, " << number_of(cache, "evicted") << " evicted, "
                 << size_text(number_of(cache, "octets")) << "\n";
  if (const std::string problem = text_of(workers, "problem"); !problem.empty()) {
    context.io.out << "problem    " << printable(problem) << "\n";
  }
  Table table({"SOURCE", "TARGET", "RESULT", ">NUMBER", ">ON AVERAGE"});
  for (const Json& one : all.value("conversions", Json::array())) {
    const std::uint64_t number = number_of(one, "number");
    table.add({printable(text_of(one, "source")), printable(text_of(one, "target")), printable(text_of(one, "result")),
               std::to_string(number),
               milliseconds(number == 0 ? 0 : one.value("seconds", 0.0) / static_cast<double>(number))});
  }
  table.print(context.io.out);
  return {};
}

// -- one file

Result<adapt::AdapterSettings> local_worker(Context& context) {
  CPM_TRY(config, context.config());
  adapt::AdapterSettings settings;
  settings.program = config->adapt.program;
  if (settings.program.empty()) {
    std::error_code error;
    settings.program =
        (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "cpmstore-adapt").string();
  }
  if (!std::filesystem::exists(settings.program)) {
    return fail(Failure::unavailable, settings.program + " is not there\nName it: --set adapt.program=PATH");
  }
  settings.workers = 1;
  settings.memory = config->adapt.memory;
  settings.pixels = config->adapt.pixels;
  settings.octets = config->limits.convert_octets;
  return settings;
}

Result<std::string> read_file(const std::string& name, std::uint64_t most) {
  std::ifstream in(name, std::ios::binary);
  if (!in) return fail(Failure::not_found, name + " cannot be read");
  std::string octets(std::istreambuf_iterator<char>(in), {});
  if (octets.size() > most) {
    return fail(Failure::invalid, name + " is larger than limits.convert_octets: " + size_text(most));
  }
  return octets;
}

struct Timed {
  adapt::Outcome outcome;
  double seconds = 0;
};
Timed convert(adapt::Adapter& adapter, const adapt::Task& task) {
  boost::asio::io_context io;
  const auto begin = Clock::now();
  auto work = [&]() -> boost::asio::awaitable<adapt::Outcome> {
    auto outcome = co_await adapter.convert(0, task, std::chrono::seconds(60));
    co_return outcome;
  };
  auto done = boost::asio::co_spawn(io, work(), boost::asio::use_future);
  io.run();
  Timed timed{done.get(), 0};
  timed.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return timed;
}

const std::string& found_by(const adapt::Outcome& outcome) {
  const auto* done = std::get_if<adapt::Converted>(&outcome);
  return done != nullptr ? done->found : std::get<adapt::Refused>(outcome).found;
}

Result<void> test(Context& context, const Options& options) {
  CPM_TRY(settings, local_worker(context));
  adapt::Task task;
  CPM_TRY(octets, read_file(options.file, settings.octets));
  task.octets = std::move(octets);
  task.declared = options.type;
  adapt::Adapter adapter(settings);
  const Timed first = convert(adapter, task);  // also starts the worker
  const std::string found = found_by(first.outcome);
  Json conversions = Json::array();
  Table table({"TARGET", ">OCTETS", ">TIME", "RESULT"});
  Json facts = Json::object();
  if (const auto* done = std::get_if<adapt::Converted>(&first.outcome)) {
    for (const auto& [name, value] : done->facts) facts[name] = value;
  }
  for (const adapt::Conversion& one : adapt::conversions()) {
    if (one.source != found) continue;
    task.target = std::string(one.target);
    const Timed timed = convert(adapter, task);
    Json row = {{"target", one.target}, {"seconds", timed.seconds}};
    std::vector<std::string> cells{std::string(one.target), "-", milliseconds(timed.seconds), ""};
    if (const auto* done = std::get_if<adapt::Converted>(&timed.outcome)) {
      row["octets"] = done->octets.size();
      cells[1] = std::to_string(done->octets.size());
      cells[3] = "converted";
    } else {
      const auto& refused = std::get<adapt::Refused>(timed.outcome);
      row["refused"] = adapt::refusal_name(refused.why);
      row["why"] = refused.detail;
      cells[3] = std::string(adapt::refusal_name(refused.why)) + ": " + printable(refused.detail);
    }
    conversions.push_back(std::move(row));
    table.add(std::move(cells));
  }
  const auto* refused = std::get_if<adapt::Refused>(&first.outcome);
  if (context.json) {
    Json all = {{"file", options.file},
                {"octets", task.octets.size()},
                {"found", found},
                {"facts", facts},
                {"conversions", conversions}};
    if (conversions.empty() && refused != nullptr) all["why"] = refused->detail;
    print_json(context.io.out, all);
    return {};
  }
  context.io.out << printable(options.file) << ": " << (found.empty() ? "cannot be told what it is" : printable(found));
  for (const auto& [name, value] : facts.items())
    context.io.out << ", " << name << ' ' << printable(value.get<std::string>());
  context.io.out << "\n";
  if (!conversions.empty()) {
    table.print(context.io.out);
  } else {
    context.io.out << "nothing can be made of it" << (refused != nullptr ? ": " + printable(refused->detail) : "")
                   << "\n";
  }
  return {};
}

// -- results that are kept

Result<void> cache_stats(Context& context, const Options&) {
  auto totals = context.run([](Transaction& tx) { return schema::conversion_totals(tx); });
  if (!totals) return totals.error();
  if (context.json) {
    print_json(context.io.out, {{"results", totals->results},
                                {"octets", totals->octets},
                                {"accounts", totals->accounts},
                                {"previews", totals->previews}});
    return {};
  }
  context.io.out << "results    " << totals->results << " of " << totals->accounts << " accounts, "
                 << size_text(totals->octets) << "\npreviews   about " << totals->previews << "\n";
  return {};
}

Result<void> cache_clear(Context& context, const Options& options) {
  if (options.all == !options.address.empty()) return fail(Failure::invalid, "ADDRESS or --all");
  std::vector<AccountId> accounts;
  auto listed = context.run([&](Transaction& tx) -> Result<void> {
    if (!options.all) {
      CPM_TRY(row, schema::find_account(tx, options.address));
      accounts.push_back(row.id);
      return {};
    }
    CPM_TRY(some, schema::accounts_with_conversions(tx));
    accounts = std::move(some);
    return {};
  });
  if (!listed) return hint_missing_user(listed.error());
  std::uint64_t removed = 0;
  for (const AccountId account : accounts) {
    auto cleared = context.run([&](Transaction& tx) { return schema::clear_conversions(tx, account); });
    if (!cleared) return cleared.error();
    removed += *cleared;
  }
  print_done(context, std::to_string(removed) + " results removed",
             {{"removed", removed}, {"accounts", accounts.size()}});
  return {};
}

}  // namespace

void add_adapt(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "adapt", "media workers: conversions (CONVERT) and what is kept of them",
                            {"adapt status", "adapt test picture.heic", "adapt cache clear alice@example.net"});
  auto none = std::make_shared<Options>();
  on_run<Options>(add_verb(noun, "status", "what the running server's workers do, and have done since it started",
                           {"adapt status", "adapt status --json"}),
                  context, none, status);

  auto tested = std::make_shared<Options>();
  CLI::App& tester = add_verb(noun, "test", "what a file really is, what can be made of it, how large and how fast",
                              {"adapt test picture.heic", "adapt test voice.bin --type audio/amr --json"});
  tester.add_option("file", tested->file, "the file")->type_name("FILE")->required();
  tester.add_option("--type", tested->type, "the media type that it is declared to have")->type_name("TYPE");
  on_run<Options>(tester, context, tested, test);

  CLI::App& cache = *noun.add_subcommand("cache", "results of conversions that are kept");
  cache.require_subcommand(1);
  cache.fallthrough();
  on_run<Options>(add_verb(cache, "stats", "how much is kept", {"adapt cache stats"}), context, none, cache_stats);
  auto cleared = std::make_shared<Options>();
  CLI::App& clearer = add_verb(cache, "clear", "remove results and previews: they are made again when somebody asks",
                               {"adapt cache clear alice@example.net", "adapt cache clear --all"});
  clearer.add_option("address", cleared->address, "any address of the user")->type_name("ADDRESS");
  clearer.add_flag("--all", cleared->all, "of all accounts");
  on_run<Options>(clearer, context, cleared, cache_clear);
}

}  // namespace cpm::admin
