#include "imap/session/conversions.h"

#include "base/log.h"
#include "imap/mime/content_type.h"
#include "imap/mime/header.h"
#include "imap/mime/part_tree.h"
#include "imap/session/preparation.h"
#include "schema/fetch.h"

#include <openssl/evp.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace cpm::imap {

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::uint64_t kWindow = 512 * 1024;  // read at a time
constexpr std::uint64_t kHeaderOctets = 64 * 1024;
constexpr const char* kSomething = "application/octet-stream";  // RFC 5259 10 wants a type in any case
constexpr const char* kNotNow = "Cannot be converted now, try again later";
constexpr const char* kFailedAgain = "Its conversion failed repeatedly, try again much later";
constexpr const char* kNotPossible = "This conversion is not possible";

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(std::string_view octets) { EVP_DigestUpdate(context_.get(), octets.data(), octets.size()); }
  // The next text is told apart from this one.
  void add_text(std::string_view text) {
    add(std::to_string(text.size()) + ":");
    add(text);
  }
  std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
    return {reinterpret_cast<const char*>(digest.data()), length};
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

grammar::ConvertParameters sorted(grammar::ConvertParameters parameters) {
  std::sort(parameters.begin(), parameters.end());
  return parameters;
}

// What is asked for, whatever the order of its parameters; another release of the worker is asked again.
std::string key_of(const ConvertRequest& request, std::string_view version) {
  Sha256 hash;
  hash.add_text(version);
  hash.add_text(request.target);
  for (const auto& [name, value] : sorted(request.parameters)) {
    hash.add_text(name);
    hash.add_text(value);
  }
  return hash.finish();
}

std::string source_of(std::string_view type, const grammar::ConvertParameters& declared, std::string_view octets) {
  Sha256 hash;
  hash.add_text(type);
  for (const auto& [name, value] : declared) {
    hash.add_text(name);
    hash.add_text(value);
  }
  hash.add_text(octets);
  return hash.finish();
}

json json_of(const grammar::ConvertParameters& parameters) {
  json out = json::array();
  for (const auto& [name, value] : parameters) out.push_back({name, value});
  return out;
}

grammar::ConvertParameters parameters_of(const json& from) {
  grammar::ConvertParameters out;
  for (const json& one : from) out.emplace_back(one.at(0).get<std::string>(), one.at(1).get<std::string>());
  return out;
}

std::int64_t seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

// What of an outcome is kept: everything but a failure that may be over the next time.
std::optional<schema::KeptConversion> kept_of(const ConvertOutcome& outcome, const std::string& source) {
  schema::KeptConversion kept;
  kept.source = source;
  json head;
  if (const auto* converted = std::get_if<Converted>(&outcome)) {
    head = {{"source", converted->source},
            {"type", converted->type},
            {"parameters", json_of(converted->parameters)},
            {"lines", converted->lines}};
    kept.data = *converted->octets;
  } else {
    const auto& refusal = std::get<ConvertRefusal>(outcome);
    const bool temporary = refusal.kind == ConvertRefusal::Kind::temporary;
    if (temporary && refusal.minutes <= 1) return std::nullopt;
    head = {{"source", refusal.source},
            {"type", refusal.target},
            {"parameters", json_of(refusal.parameters)},
            {"refused", refusal.text},
            {"missing", refusal.kind == ConvertRefusal::Kind::missing_parameters}};
    if (temporary) head["until"] = seconds_now() + std::int64_t{60} * refusal.minutes;
  }
  kept.head = head.dump(-1, ' ', true, json::error_handler_t::replace);
  return kept;
}

// None for what another release wrote, and for what is over.
std::optional<ConvertOutcome> outcome_of(schema::KeptConversion&& kept) {
  try {
    const json head = json::parse(kept.head);
    if (head.contains("refused")) {
      ConvertRefusal refusal;
      refusal.kind = head.at("missing").get<bool>() ? ConvertRefusal::Kind::missing_parameters
                                                    : ConvertRefusal::Kind::bad_parameters;
      refusal.text = head.at("refused").get<std::string>();
      refusal.source = head.at("source").get<std::string>();
      refusal.target = head.at("type").get<std::string>();
      refusal.parameters = parameters_of(head.at("parameters"));
      if (head.contains("until")) {
        const std::int64_t left = head.at("until").get<std::int64_t>() - seconds_now();
        if (left <= 0) return std::nullopt;
        refusal.kind = ConvertRefusal::Kind::temporary;
        refusal.minutes = static_cast<std::uint32_t>((left + 59) / 60);
      }
      return refusal;
    }
    Converted converted;
    converted.source = head.at("source").get<std::string>();
    converted.type = head.at("type").get<std::string>();
    converted.parameters = parameters_of(head.at("parameters"));
    converted.lines = head.at("lines").get<std::uint64_t>();
    converted.octets = std::make_shared<const std::string>(std::move(kept.data));
    return converted;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

ConvertRefusal refuse(const ConvertSource& source, const ConvertRequest& request, ConvertRefusal::Kind kind,
                      std::string text) {
  const bool named = !request.target.empty() && request.target != adapt::kWhatItIs;
  return {kind, std::move(text), source.type, named ? request.target : kSomething, {}};
}

// What a worker says, as a sentence of the catalogues.
std::string sentence(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 32);
  return text;
}

const char* result_name(const ConvertOutcome& outcome) {
  if (std::holds_alternative<Converted>(outcome)) return "converted";
  switch (std::get<ConvertRefusal>(outcome).kind) {
    case ConvertRefusal::Kind::temporary: return "temporary";
    case ConvertRefusal::Kind::missing_parameters: return "missing_parameters";
    case ConvertRefusal::Kind::bad_parameters: break;
  }
  return std::get<ConvertRefusal>(outcome).parameters.empty() ? "not_possible" : "bad_parameters";
}

}  // namespace

// The part without its transfer encoding, and what it is declared to be.
struct Conversions::Work {
  std::string octets;
  grammar::ConvertParameters declared;
};

// One conversion that is being made, and those who wait for it.
class Conversions::Flight {
 public:
  // None: it is made already.
  std::optional<Result<ConvertOutcome>> wait_or_take(const std::shared_ptr<boost::asio::steady_timer>& timer) {
    const std::lock_guard lock(mutex_);
    if (!result_) waiting_.push_back(timer);
    return result_;
  }
  std::optional<Result<ConvertOutcome>> result() {
    const std::lock_guard lock(mutex_);
    return result_;
  }
  void land(Result<ConvertOutcome> result) {
    std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting;
    {
      const std::lock_guard lock(mutex_);
      if (result_) return;
      result_.emplace(std::move(result));
      waiting.swap(waiting_);
    }
    // A timer belongs to its own thread.
    for (auto& timer : waiting) boost::asio::post(timer->get_executor(), [timer] { timer->cancel(); });
  }

 private:
  std::mutex mutex_;
  std::optional<Result<ConvertOutcome>> result_;  // protected by mutex_, as is:
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

// Octets in memory, within limits.convert_memory_octets.
class Conversions::Held {
 public:
  Held(std::atomic<std::uint64_t>& all, std::uint64_t most) : all_(all), most_(most) {}
  ~Held() { all_ -= octets_; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  bool add(std::uint64_t octets) {
    const std::uint64_t before = all_.fetch_add(octets);
    octets_ += octets;
    return before + octets <= most_;
  }

 private:
  std::atomic<std::uint64_t>& all_;
  const std::uint64_t most_;
  std::uint64_t octets_ = 0;
};

Conversions::Conversions(adapt::Adapter& adapter, schema::Database& db, const Limits& limits,
                         std::function<void(const ConversionEvent&)> observe)
    : adapter_(adapter),
      db_(db),
      limits_(limits),
      observe_(std::move(observe)),
      preparation_(std::make_unique<Preparation>(*this, db, limits)) {}

Conversions::~Conversions() = default;

void Conversions::stop() { preparation_->stop(); }

void Conversions::deposited(AccountId account, const std::vector<schema::StagedMessage>& messages) {
  preparation_->note(account, messages);
}

std::vector<std::string> Conversions::targets_of(std::string_view source) {
  const std::string type = adapt::canonical_type(source);
  std::vector<std::string> targets;
  for (const adapt::Conversion& one : adapt::conversions()) {
    if (one.source == type) targets.emplace_back(one.target);
  }
  return targets;
}

Conversions::Counts Conversions::counts() const {
  return {hits_, misses_, shared_, evicted_, kept_, memory_, running_};
}

void Conversions::observe(const ConvertOutcome& outcome, std::string result, Clock::time_point begin) const {
  if (!observe_) return;
  const auto* converted = std::get_if<Converted>(&outcome);
  std::string source = converted != nullptr ? converted->source : std::get<ConvertRefusal>(outcome).source;
  ConversionEvent event;
  std::string target = converted != nullptr ? converted->type : std::get<ConvertRefusal>(outcome).target;
  source = adapt::canonical_type(source);
  // Else a client could make any number of names.
  const bool known = !source.empty() && adapt::find_conversion(source, target) != nullptr;
  event.source = known ? std::move(source) : "other";
  event.target = known ? std::move(target) : "other";
  event.result = std::move(result);
  event.time = Clock::now() - begin;
  event.octets = converted != nullptr ? converted->octets->size() : 0;
  observe_(event);
}

boost::asio::awaitable<Result<ConvertOutcome>> Conversions::convert(ConvertSource source, ConvertRequest request,
                                                                    std::chrono::milliseconds patience) {
  const auto begin = Clock::now();
  patience = std::min<std::chrono::milliseconds>(patience, limits_.convert_deadline);
  const std::string key = key_of(request, CPMSTORE_VERSION);
  if (request.target != adapt::kWhatItIs) {
    auto found = co_await look_up(source, key);
    if (found) {
      ++hits_;
      observe(*found, "kept", begin);
      co_return found;
    }
    if (found.error().failure != Failure::not_found) co_return found;
  }
  const std::string name = std::to_string(source.name.account.value) + "/" + std::to_string(source.name.content.value) +
                           "/" + source.name.part + "/" + key;
  std::shared_ptr<Flight> flight;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    auto& place = flights_[name];
    first = place == nullptr;
    if (first) place = std::make_shared<Flight>();
    flight = place;
  }
  if (!first) {
    ++shared_;
    auto outcome = co_await wait_for(flight, request, patience);
    if (outcome) observe(*outcome, "shared", begin);
    co_return outcome;
  }
  ++misses_;
  // Whatever becomes of this coroutine, those who wait are answered.
  struct Landing {
    Conversions& all;
    const std::string& name;
    const std::shared_ptr<Flight>& flight;
    const Result<ConvertOutcome> lost;
    ~Landing() { all.land(name, flight, lost); }
  };
  const Landing landing{*this, name, flight,
                        ConvertOutcome(refuse(source, request, ConvertRefusal::Kind::temporary, kNotNow))};
  ++running_;
  Result<ConvertOutcome> outcome = fail(Failure::internal, "");
  try {
    outcome = co_await make(source, request, key, patience);
  } catch (...) {
    --running_;
    throw;
  }
  --running_;
  land(name, flight, outcome);
  if (outcome) {
    const char* result = result_name(*outcome);
    observe(*outcome, result, begin);
  }
  co_return outcome;
}

void Conversions::land(const std::string& name, const std::shared_ptr<Flight>& flight, Result<ConvertOutcome> outcome) {
  {
    const std::lock_guard lock(mutex_);
    const auto at = flights_.find(name);
    if (at != flights_.end() && at->second == flight) flights_.erase(at);
  }
  flight->land(std::move(outcome));
}

boost::asio::awaitable<Result<ConvertOutcome>> Conversions::wait_for(std::shared_ptr<Flight> flight,
                                                                     ConvertRequest request,
                                                                     std::chrono::milliseconds patience) {
  auto executor = co_await boost::asio::this_coro::executor;
  auto timer = std::make_shared<boost::asio::steady_timer>(executor, patience);
  if (auto result = flight->wait_or_take(timer)) co_return std::move(*result);
  auto woken = co_await timer->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  static_cast<void>(woken);
  if (auto result = flight->result()) co_return std::move(*result);
  ConvertRefusal refusal{ConvertRefusal::Kind::temporary, kNotNow, {}, request.target, {}};
  co_return ConvertOutcome(std::move(refusal));
}

// Failure::not_found: nothing is kept.
boost::asio::awaitable<Result<ConvertOutcome>> Conversions::look_up(const ConvertSource& source,
                                                                    const std::string& key) {
  auto work = [name = source.name, key](schema::Transaction& tx) { return schema::find_conversion(tx, name, key); };
  auto kept = co_await db_.run(schema::Wall::of(source.name.account), limits_.command_deadline, std::move(work),
                               schema::Mode::reads);
  if (!kept) co_return kept.error();
  if (!*kept) co_return fail(Failure::not_found, "");
  if ((*kept)->stale) {
    auto touch = [account = source.name.account, of = (*kept)->source, key](schema::Transaction& tx) {
      return schema::conversion_used(tx, account, of, key);
    };
    auto touched = co_await db_.run(schema::Wall::of(source.name.account), limits_.command_deadline, std::move(touch),
                                    schema::Mode::single);
    static_cast<void>(touched);  // it may be removed earlier then, nothing else
  }
  const std::string origin = (*kept)->source;
  auto outcome = outcome_of(std::move(**kept));
  if (outcome) co_return std::move(*outcome);
  auto dropped = co_await drop(source.name.account, origin, key);
  if (!dropped) co_return dropped.error();
  co_return fail(Failure::not_found, "");
}

boost::asio::awaitable<Result<void>> Conversions::drop(AccountId account, std::string origin, std::string key) {
  auto work = [account, origin = std::move(origin), key = std::move(key)](schema::Transaction& tx) {
    return schema::drop_conversion(tx, account, origin, key);
  };
  auto dropped =
      co_await db_.run(schema::Wall::of(account), limits_.command_deadline, std::move(work), schema::Mode::single);
  co_return dropped;
}

boost::asio::awaitable<ConvertOutcome> Conversions::ask_worker(const ConvertSource& source,
                                                               const ConvertRequest& request, Work work,
                                                               std::string origin, std::chrono::milliseconds deadline) {
  adapt::Task task;
  task.declared = source.type;
  for (const auto& [name, value] : work.declared) {
    if (name == "charset") task.charset = mime::ascii_lower(value);
  }
  task.target = request.target;
  for (const auto& [name, value] : request.parameters) task.parameters.emplace(name, value);
  task.octets = std::move(work.octets);
  auto made = co_await adapter_.convert(source.name.account.value, std::move(task), deadline);
  if (auto* done = std::get_if<adapt::Converted>(&made)) {
    if (request.target != adapt::kWhatItIs) {  // to look at it says nothing of decoding it
      const std::lock_guard lock(mutex_);
      deaths_.forgive(origin);
    }
    Converted converted;
    converted.source = done->found.empty() ? source.type : std::move(done->found);
    converted.type = std::move(done->type);
    converted.parameters.assign(done->parameters.begin(), done->parameters.end());
    converted.lines = static_cast<std::uint64_t>(std::count(done->octets.begin(), done->octets.end(), '\n'));
    converted.octets = std::make_shared<const std::string>(std::move(done->octets));
    if (done->mislabelled) {
      log::info("imap", "a part is not what it is declared to be",
                {{"account", std::to_string(source.name.account.value)},
                 {"content", std::to_string(source.name.content.value)},
                 {"part", source.name.part},
                 {"declared", source.type},
                 {"found", converted.source}});
    }
    co_return converted;
  }
  auto& no = std::get<adapt::Refused>(made);
  ConvertRefusal refusal =
      refuse(source, request, ConvertRefusal::Kind::bad_parameters, sentence(std::move(no.detail)));
  if (!no.found.empty()) refusal.source = std::move(no.found);
  if (!no.target.empty() && no.target != adapt::kWhatItIs) refusal.target = std::move(no.target);
  if (refusal.target.empty()) refusal.target = kSomething;
  if (refusal.text.empty()) refusal.text = kNotPossible;
  switch (no.why) {
    case adapt::Refusal::missing_parameters:
      refusal.kind = ConvertRefusal::Kind::missing_parameters;
      for (const std::string& name : no.parameters) refusal.parameters.emplace_back(name, "");
      break;
    case adapt::Refusal::bad_parameters:
      for (const auto& one : request.parameters) {
        const bool named = std::find(no.parameters.begin(), no.parameters.end(), one.first) != no.parameters.end();
        if (named || no.parameters.empty()) refusal.parameters.push_back(one);
      }
      break;
    case adapt::Refusal::busy: refusal.kind = ConvertRefusal::Kind::temporary; break;
    case adapt::Refusal::crashed:
    case adapt::Refusal::timed_out: {
      refusal.kind = ConvertRefusal::Kind::temporary;
      const std::lock_guard lock(mutex_);
      refusal.minutes = static_cast<std::uint32_t>(deaths_.note(origin, Clock::now()).count());
    }
      log::warn("imap", "a worker was lost by a conversion",
                {{"account", std::to_string(source.name.account.value)},
                 {"content", std::to_string(source.name.content.value)},
                 {"part", source.name.part},
                 {"why", adapt::refusal_name(no.why)},
                 {"target", request.target}});
      break;
    case adapt::Refusal::unsupported:
    case adapt::Refusal::broken_source:
    case adapt::Refusal::too_large: break;
  }
  if (refusal.kind == ConvertRefusal::Kind::temporary) refusal.text = refusal.minutes > 1 ? kFailedAgain : kNotNow;
  co_return refusal;
}

boost::asio::awaitable<Result<ConvertOutcome>> Conversions::make(ConvertSource source, ConvertRequest request,
                                                                 std::string key, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  const auto refused = [&](ConvertRefusal::Kind kind, const char* text) {
    return ConvertOutcome(refuse(source, request, kind, text));
  };
  Held held(memory_, limits_.convert_memory_octets);
  const bool looks = request.target == adapt::kWhatItIs;
  if (looks) source.body.end = std::min<std::uint64_t>(source.body.end, source.body.begin + 2 * adapt::kBeginning);
  // Base64 takes a third more than what it holds; others take less.
  if (source.body.size() > limits_.convert_octets * 2) {
    co_return refused(ConvertRefusal::Kind::bad_parameters, "The part is too large to be converted");
  }
  if (!held.add(source.body.size())) co_return refused(ConvertRefusal::Kind::temporary, kNotNow);
  auto task_work = std::make_shared<Work>();
  if (source.header.size() > 0) {
    auto read = [name = source.name, range = source.header](schema::Transaction& tx) {
      return schema::read_octets(tx, name.account, name.content, range.begin, std::min(range.size(), kHeaderOctets));
    };
    auto header = co_await db_.run(schema::Wall::of(source.name.account), limits_.command_deadline, std::move(read),
                                   schema::Mode::reads);
    if (!header) co_return header.error();
    mime::Part part;
    mime::read_part_fields(*header, part);
    for (const char* name : {"charset", "format", "delsp", "name"}) {
      if (auto value = mime::parameter(part.parameters, name))
        task_work->declared.emplace_back(name, std::move(*value));
    }
  }
  mime::TransferDecoder decoder(source.encoding);
  for (std::uint64_t at = source.body.begin; at < source.body.end;) {
    const std::uint64_t length = std::min(kWindow, source.body.end - at);
    auto read = [name = source.name, at, length](schema::Transaction& tx) {
      return schema::read_octets(tx, name.account, name.content, at, length);
    };
    auto piece = co_await db_.run(schema::Wall::of(source.name.account), limits_.command_deadline, std::move(read),
                                  schema::Mode::reads);
    if (!piece) co_return piece.error();
    if (piece->size() != length) co_return fail(Failure::corrupt, "", "content is shorter than its size");
    decoder.feed(*piece, task_work->octets);
    at += length;
    if (task_work->octets.size() > limits_.convert_octets) {
      co_return refused(ConvertRefusal::Kind::bad_parameters, "The part is too large to be converted");
    }
  }
  decoder.finish(task_work->octets);
  const std::string origin = source_of(source.type, task_work->declared, task_work->octets);
  if (looks) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    auto seen = co_await ask_worker(source, request, std::move(*task_work), origin, left);
    co_return seen;
  }
  auto same = [account = source.name.account, origin, key](schema::Transaction& tx) {
    return schema::find_conversion_of(tx, account, origin, key);
  };
  auto kept = co_await db_.run(schema::Wall::of(source.name.account), limits_.command_deadline, std::move(same),
                               schema::Mode::reads);
  if (!kept) co_return kept.error();
  std::optional<ConvertOutcome> outcome;
  if (*kept) {
    outcome = outcome_of(std::move(**kept));
    if (!outcome) {
      auto dropped = co_await drop(source.name.account, origin, key);
      if (!dropped) co_return dropped.error();
    }
  }
  if (!outcome) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) co_return refused(ConvertRefusal::Kind::temporary, kNotNow);
    auto made = co_await ask_worker(source, request, std::move(*task_work), origin, left);
    outcome.emplace(std::move(made));
  }
  if (const auto* converted = std::get_if<Converted>(&*outcome)) held.add(converted->octets->size());
  auto keep = kept_of(*outcome, origin);
  if (!keep || limits_.convert_account_octets == 0 || keep->data.size() > limits_.convert_account_octets / 4) {
    co_return std::move(*outcome);
  }
  auto work = [name = source.name, keep = std::move(*keep), key, bound = limits_.convert_account_octets](
                  schema::Transaction& tx) { return schema::keep_conversion(tx, name, keep, key, bound); };
  auto done = co_await db_.run(schema::Wall::of(source.name.account), limits_.command_deadline, std::move(work),
                               schema::Mode::single);
  if (done) {
    evicted_ += *done;
  } else {
    log::info("imap", "a conversion is not kept", {{"why", done.error().text + " " + done.error().detail}});
  }
  co_return std::move(*outcome);
}

}  // namespace cpm::imap
