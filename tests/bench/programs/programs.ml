(* SPDX-License-Identifier: MIT *)
(* The programs beside this file in OCaml; the argument names one. Without one it does
   nothing. *)

let rec fibonacci n = if n < 2 then n else fibonacci (n - 1) + fibonacci (n - 2)
let fib () = string_of_int (fibonacci 35)

let sieve () =
  let prime = Bytes.create 65536 and count = ref 0 in
  for _ = 1 to 400 do
    count := 0;
    for i = 0 to 65535 do Bytes.set prime i '\001' done;
    for i = 2 to 65535 do
      if Bytes.get prime i = '\001' then begin
        incr count;
        let k = ref (i + i) in
        while !k < 65536 do
          Bytes.set prime !k '\000';
          k := !k + i
        done
      end
    done
  done;
  string_of_int !count

let hash () =
  let open Int64 in
  let number = ref 88172645463325252L and hash = ref 0xcbf29ce484222325L in
  for _ = 1 to 20000000 do
    number := logxor !number (shift_left !number 13);
    number := logxor !number (shift_right_logical !number 7);
    number := logxor !number (shift_left !number 17);
    hash := mul (logxor !hash !number) 1099511628211L
  done;
  to_string !hash

let mandelbrot () =
  let sum = ref 0 in
  for y = 0 to 399 do
    for x = 0 to 399 do
      let cr = 2.0 *. float x /. 400.0 -. 1.5 and ci = 2.0 *. float y /. 400.0 -. 1.0 in
      let zr = ref 0.0 and zi = ref 0.0 and i = ref 0 and inside = ref true in
      while !inside && !i < 200 do
        let a = !zr *. !zr and b = !zi *. !zi in
        if a +. b > 4.0 then inside := false
        else begin
          zi := 2.0 *. !zr *. !zi +. ci;
          zr := a -. b +. cr;
          incr i
        end
      done;
      sum := !sum + !i
    done
  done;
  string_of_int !sum

let matmul () =
  let n = 200 in
  let a = Array.init (n * n) (fun i -> float (i mod 7) *. 0.5) in
  let b = Array.init (n * n) (fun i -> float (i mod 11) *. 0.25) in
  let c = Array.make (n * n) 0.0 in
  for _ = 1 to 5 do
    for i = 0 to n - 1 do
      for j = 0 to n - 1 do
        let s = ref 0.0 in
        for k = 0 to n - 1 do s := !s +. a.(i * n + k) *. b.(k * n + j) done;
        c.(i * n + j) <- !s
      done
    done
  done;
  Printf.sprintf "%.0f" (Array.fold_left (+.) 0.0 c *. 1000.0)

let nbody () =
  let sun = 39.47841760435743197 and year = 365.24 and time = 0.01 in
  let x = [| 0.0; 4.84143144246472090e+00; 8.34336671824457987e+00;
             1.28943695621391310e+01; 1.53796971148509165e+01 |]
  and y = [| 0.0; -1.16032004402742839e+00; 4.12479856412430479e+00;
             -1.51111514016986312e+01; -2.59193146099879641e+01 |]
  and z = [| 0.0; -1.03622044471123109e-01; -4.03523417114321381e-01;
             -2.23307578892655734e-01; 1.79258772950371181e-01 |]
  and vx = [| 0.0; 1.66007664274403694e-03; -2.76742510726411899e-03;
              2.96460137564761618e-03; 2.68067772490389322e-03 |]
  and vy = [| 0.0; 7.69901118419740425e-03; 4.99852801234917238e-03;
              2.37847173959480950e-03; 1.62824170038242295e-03 |]
  and vz = [| 0.0; -6.90460016972063023e-05; 2.30417297573763929e-05;
              -2.96589568540237556e-05; -9.51592254519715870e-05 |]
  and mass = [| 1.0; 9.54791938424326609e-04; 2.85885980666130812e-04;
                4.36624404335156298e-05; 5.15138902046611451e-05 |] in
  for i = 0 to 4 do mass.(i) <- mass.(i) *. sun done;
  List.iter (fun v ->
    let p = ref 0.0 in
    for i = 0 to 4 do
      v.(i) <- v.(i) *. year;
      p := !p +. v.(i) *. mass.(i)
    done;
    v.(0) <- -. !p /. sun) [vx; vy; vz];
  for _ = 1 to 500000 do
    for i = 0 to 4 do
      for j = i + 1 to 4 do
        let dx = x.(i) -. x.(j) and dy = y.(i) -. y.(j) and dz = z.(i) -. z.(j) in
        let square = dx *. dx +. dy *. dy +. dz *. dz in
        let pull = time /. (square *. sqrt square) in
        let mj = mass.(j) *. pull and mi = mass.(i) *. pull in
        vx.(i) <- vx.(i) -. dx *. mj;
        vy.(i) <- vy.(i) -. dy *. mj;
        vz.(i) <- vz.(i) -. dz *. mj;
        vx.(j) <- vx.(j) +. dx *. mi;
        vy.(j) <- vy.(j) +. dy *. mi;
        vz.(j) <- vz.(j) +. dz *. mi
      done
    done;
    for i = 0 to 4 do
      x.(i) <- x.(i) +. time *. vx.(i);
      y.(i) <- y.(i) +. time *. vy.(i);
      z.(i) <- z.(i) +. time *. vz.(i)
    done
  done;
  let energy = ref 0.0 in
  for i = 0 to 4 do
    energy := !energy +. 0.5 *. mass.(i)
              *. (vx.(i) *. vx.(i) +. vy.(i) *. vy.(i) +. vz.(i) *. vz.(i));
    for j = i + 1 to 4 do
      let dx = x.(i) -. x.(j) and dy = y.(i) -. y.(j) and dz = z.(i) -. z.(j) in
      energy := !energy -. mass.(i) *. mass.(j) /. sqrt (dx *. dx +. dy *. dy +. dz *. dz)
    done
  done;
  Printf.sprintf "%.0f" (!energy *. 1e9)

let programs = ["fib", fib; "sieve", sieve; "hash", hash; "mandelbrot", mandelbrot;
                "matmul", matmul; "nbody", nbody]
let () = if Array.length Sys.argv > 1 then print_endline (List.assoc Sys.argv.(1) programs ())
